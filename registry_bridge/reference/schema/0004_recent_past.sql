-- Positions are asked about as of a recent journal entry: few removed rows were still there then, and this finds them.
create index holding_past_by_until on holding_past (until) where place = 'trading';
