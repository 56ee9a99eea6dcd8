"""Listed trading (挂牌交易): orders from their entry to their end, and what cancels them when a program is gone."""
