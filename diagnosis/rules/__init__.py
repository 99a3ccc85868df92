"""What may be done or seen now: each rule answers with a sentence, or raises it."""
