//! What is computed for whole sets is what the reference interpreter says of each packet.
