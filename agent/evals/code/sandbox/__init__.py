"""Programs that nobody has read are run here: shut in, limited, asked by messages, and gone at the end."""
