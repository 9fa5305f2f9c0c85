"""What a knowledge pack gives to a repository that uses its framework."""
