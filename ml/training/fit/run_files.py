"""What lies in the folder of a training run."""

PLAN, HISTORY, STATE = "plan.json", "history.csv", "state.json"
BEST, LATEST, AVERAGE = "best.weights.h5", "latest.weights.h5", "average.npz"
# What it starts as, where that was found in a released network
START = "start.weights.h5"
# How the last layer was taught, where that alone was
LESSON = "last-layer.json"
# How many channels are left of each convolution that was made cheaper
RANKS = "ranks.json"
# Where the pretrained trunk comes from that it started from
ORIGIN = "origin.json"
