-- PostgreSQL sums bigints as numeric, with a state of its own in memory for every group. Over the journal, which has
-- millions of groups, an exact sum that stays a bigint (and is an error beyond it) takes less of both time and memory.
CREATE AGGREGATE bigint_sum(bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE);
