"""The section Readers: a second reader who is blinded, and agreement."""
