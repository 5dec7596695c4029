"""What swarms cost: `compare` measures real ones beside two baselines, `scale` simulated ones by size."""
