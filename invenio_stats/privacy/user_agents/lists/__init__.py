"""Match user agents quickly against lists of robots, AI agents, machines and browsers."""
