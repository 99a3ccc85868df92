"""What leaves training: bundles, ensembles, cards, accuracy pages, and the recipes and protocols behind them."""
