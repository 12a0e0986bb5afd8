//! What runs on a node and elsewhere: endpoints, labels, addresses.
