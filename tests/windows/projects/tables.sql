.headers on
create table t(a integer primary key, b text, c real);
insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
    select i, printf('%x %s', i * i, char(960)), i / 7.0 from n;
create index tb on t(b);
select count(*), sum(a), round(avg(c), 6), max(b) from t where a % 7 = 3;
explain query plan select * from t where b = '64';
select group_concat(b, '|') from (select b from t where b glob '*ff*' order by c desc limit 5);
begin; delete from t where a > 1000; rollback;
select count(*) from t;
create view halves as select a, c / 2 as half from t;
create trigger after_b after update of b on t begin insert into t(b) values ('was ' || old.b); end;
update t set b = 'new' where a = 17;
select * from t order by a desc limit 1;
create virtual table words using fts4(text);
insert into words values ('the quick brown fox'), ('jumps over the dog'), ('a lazy day');
select rowid, snippet(words) from words where words match 'the';
create virtual table boxes using rtree(id, x0, x1);
insert into boxes select a, a, a + 2 from t where a < 20;
select count(*) from boxes where x0 >= 5 and x1 <= 12;
select json_group_array(value) from json_each('[3, 1, {"k": 1.5e10}]') where type <> 'object';
select quote(x'00ff'), hex(randomblob(4)) like '________', typeof(1e400), abs(-9223372036854775807), sin(1) > 0.84;
select a, half, sum(half) over (order by a rows 2 preceding) from halves where a < 5;
select strftime('%Y-%m-%d', 1000000000, 'unixepoch'), date('2024-01-31', '+1 month');
select * from missing;
insert into t values (17, 'twice', 0);
pragma integrity_check;
.mode csv
select * from t limit 3;
.output written.csv
select a, b from t where a between 100 and 120;
.output stdout
.mode list
.tables
.schema halves
.backup copy.db
.import --csv --skip 1 written.csv imported
select count(*) from imported;
vacuum;
.exit 3
