"""Training of the pocket base model: corpus, tokenizer, packing, trainer, evaluation, export."""
