"""One proposal as its page tells of it: what would happen, why people are asked, who said what. Reads only."""
