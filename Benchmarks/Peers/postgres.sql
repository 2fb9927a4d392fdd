-- What the rows of `dev/bench postgres` and the scenarios of `dev/counts` ask for.
set client_min_messages = warning;
drop table if exists weir_bench_one, weir_bench_rows;

create unlogged table weir_bench_one (id int4 primary key, number int8 not null, name text not null);
insert into weir_bench_one select id, id * 1000003::int8, 'name ' || id from generate_series(1, 1000) id;

create unlogged table weir_bench_rows (a int4 not null, b int8 not null, c text not null, d float8 not null, e timestamptz not null);
insert into weir_bench_rows
    select id, id * 1000003::int8, md5(id::text), id / 8.0::float8, timestamptz '2024-02-29 04:05:06+00' + id * interval '1.000001 s'
    from generate_series(1, 100000) id;

vacuum analyze weir_bench_one, weir_bench_rows;
