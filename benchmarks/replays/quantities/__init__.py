"""What is said of further evaluations that give several quantities, against what they gave."""
