"""What a database tells people afterwards: statements of account, and why a decision was taken. Reads only."""
