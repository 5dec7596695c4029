"""The search for failures among simulated swarms: `judging` runs and judges one, `campaign` many."""
