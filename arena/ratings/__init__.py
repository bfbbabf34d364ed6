"""Battles -> leaderboard -> consistency: ratings from counted battles, held against human rankings."""
