"""What is made of a completion between the model and the person: where it stops, and whether it is shown."""
