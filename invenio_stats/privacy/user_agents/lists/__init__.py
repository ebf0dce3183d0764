"""What is known of agents: other people's lists of robots, ours of AI agents, and a quick way to ask them."""
