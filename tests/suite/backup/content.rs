//! Content of restored tables: rows that are as many as before, but not the same, fail a drill.

use super::Stored;

#[test]
fn a_table_that_comes_back_with_other_values_fails_the_drill_by_its_checksum() {
    let Some(stored) = Stored::open("backup-content") else { return };
    stored.sql("alter database app set timezone = 'Asia/Tokyo'; alter database app set datestyle = 'German'");
    stored.sql("create table kinds (t timestamptz, f float8, b bytea, j jsonb, r regclass)");
    stored.sql(
        "insert into kinds select now() + n * interval '1 h', random(), sha256(n::text::bytea), \
         jsonb_build_object('n', n), 'notes' from generate_series(1, 100) n",
    );
    stored.json(&["backup", "create"], 0);
    let good = stored.json(&["backup", "drill"], 0)["findings"].to_string();
    assert!(good.contains("2 checksums are those of the backup"), "{good}");

    // A generated column is computed again by a restore, and this function lies about being immutable.
    stored.sql("create function lie() returns text immutable language sql as 'select clock_timestamp()::text'");
    stored.sql("create table liars (n int, at text generated always as (lie()) stored)");
    stored.sql("insert into liars select generate_series(1, 10)");
    stored.json(&["backup", "create"], 0);
    let failed = stored.json(&["backup", "drill"], 4);
    let findings = failed["findings"].as_array().unwrap();
    let problems: Vec<&str> = findings
        .iter()
        .filter(|found| !found["problem"].is_null())
        .filter_map(|found| found["what"].as_str())
        .collect();
    assert_eq!(problems, ["checksum of app.public.liars"], "{failed}");
}
