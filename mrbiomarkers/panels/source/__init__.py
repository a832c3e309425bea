"""What a panel measures: import, scanner maps, and tables of a value for each image."""
