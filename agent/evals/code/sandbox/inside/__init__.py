"""What runs inside the sandbox. It imports nothing but itself and Python: it is copied to where the program runs."""
