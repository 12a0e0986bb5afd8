//! What a node's maps hold for a bundle and an inventory.
