//! Changes of a schema with what becomes of code that was written for it before.

use super::*;

const BASE: &str = r#"
{"relation":{"name":"public.orders","kind":"table"}}
{"relation":{"name":"public.report","kind":"view"}}
{"column":{"table":"public.orders","name":"id","type":"integer","not_null":true,"default":"nextval('s')"}}
{"column":{"table":"public.orders","name":"note","type":"character varying(20)","not_null":false,"default":null}}
{"column":{"table":"public.orders","name":"state","type":"mood","not_null":true,"default":"'new'"}}
{"column":{"table":"public.orders","name":"price","type":"real","not_null":false,"default":null}}
{"column":{"table":"public.report","name":"n","type":"bigint","not_null":false,"default":null}}
{"constraint":{"table":"public.orders","name":"orders_pkey","definition":"PRIMARY KEY (id)"}}
{"constraint":{"table":"public.orders","name":"positive","definition":"CHECK ((price > 0))"}}
{"index":{"table":"public.orders","name":"by_note","definition":"CREATE INDEX by_note","unique":false}}
{"index":{"table":"public.orders","name":"one_note","definition":"CREATE UNIQUE INDEX one_note","unique":true}}
{"value":{"type":"public.mood","name":"new"}}
{"value":{"type":"public.mood","name":"old"}}
{"function":{"name":"public.total(integer)","returns":"bigint"}}
{"alembic":{"revision":"a1"}}
"#;

const NOTE: &str = r#"{"column":{"table":"public.orders","name":"note","type":"character varying(20)","not_null":false,"default":null}}"#;
const PRICE: &str =
    r#"{"column":{"table":"public.orders","name":"price","type":"real","not_null":false,"default":null}}"#;
const STATE: &str =
    r#"{"column":{"table":"public.orders","name":"state","type":"mood","not_null":true,"default":"'new'"}}"#;
const ID: &str =
    r#"{"column":{"table":"public.orders","name":"id","type":"integer","not_null":true,"default":"nextval('s')"}}"#;

fn parse(text: &str) -> Catalogue {
    Catalogue::parse(text).unwrap()
}

/// The changes when a line of the schema is replaced; an empty one adds or removes.
#[track_caller]
fn changes(old: &str, new: &str) -> Vec<(String, bool)> {
    let later = if old.is_empty() {
        format!("{BASE}{new}\n")
    } else {
        assert!(BASE.contains(old), "{old}");
        BASE.replace(old, new)
    };
    parse(BASE).changes(&parse(&later)).into_iter().map(|change| (change.what, change.breaks)).collect()
}

fn column(name: &str, r#type: &str, not_null: bool, default: &str) -> String {
    let default = if default.is_empty() { "null".to_owned() } else { format!("\"{default}\"") };
    format!(
        r#"{{"column":{{"table":"public.orders","name":"{name}","type":"{}","not_null":{not_null},"default":{default}}}}}"#,
        r#type
    )
}

#[test]
fn columns_that_old_code_does_not_know_are_no_trouble_unless_it_must_fill_them() {
    let table: &[(&str, String, &str, bool)] = &[
        ("", column("memo", "text", false, ""), "adds column orders.memo", false),
        ("", column("memo", "text", true, "''"), "adds column orders.memo", false),
        ("", column("memo", "bigint", true, "identity"), "adds column orders.memo", false),
        ("", column("memo", "text", true, ""), "adds column orders.memo, which is NOT NULL and has no default", true),
        (NOTE, String::new(), "drops column orders.note", true),
        (
            NOTE,
            column("note", "text", false, ""),
            "changes the type of column orders.note from character varying(20) to text",
            false,
        ),
        (
            NOTE,
            column("note", "character varying(40)", false, ""),
            "changes the type of column orders.note from character varying(20) to character varying(40)",
            false,
        ),
        (
            NOTE,
            column("note", "character varying(10)", false, ""),
            "changes the type of column orders.note from character varying(20) to character varying(10)",
            true,
        ),
        (
            NOTE,
            column("note", "jsonb", false, ""),
            "changes the type of column orders.note from character varying(20) to jsonb",
            true,
        ),
        (NOTE, column("note", "character varying(20)", true, ""), "makes column orders.note NOT NULL", true),
        (NOTE, column("note", "character varying(20)", false, "'x'"), "adds a default to column orders.note", false),
        (
            ID,
            column("id", "bigint", true, "nextval('s')"),
            "changes the type of column orders.id from integer to bigint",
            false,
        ),
        (
            ID,
            column("id", "smallint", true, "nextval('s')"),
            "changes the type of column orders.id from integer to smallint",
            true,
        ),
        (ID, column("id", "integer", false, "nextval('s')"), "lets column orders.id be NULL", false),
        (ID, column("id", "integer", true, ""), "drops the default of column orders.id", true),
        (STATE, column("state", "mood", true, "'old'"), "changes the default of column orders.state", false),
        (
            PRICE,
            column("price", "double precision", false, ""),
            "changes the type of column orders.price from real to double precision",
            false,
        ),
        (
            PRICE,
            column("price", "numeric(8,2)", false, ""),
            "changes the type of column orders.price from real to numeric(8,2)",
            true,
        ),
    ];
    for (old, new, what, breaks) in table {
        assert_eq!(changes(old, new), [((*what).to_owned(), *breaks)]);
    }
}

#[test]
fn what_old_code_reads_calls_or_relies_on_must_stay() {
    let table: &[(&str, &str, &str, bool)] = &[
        (r#"{"relation":{"name":"public.report","kind":"view"}}"#, "", "drops view report", true),
        (
            r#"{"name":"public.report","kind":"view"}"#,
            r#"{"name":"public.report","kind":"table"}"#,
            "makes view report a table",
            true,
        ),
        ("", r#"{"relation":{"name":"public.later","kind":"table"}}"#, "adds table later", false),
        ("", r#"{"relation":{"name":"audit.log","kind":"table"}}"#, "adds table audit.log", false),
        (
            r#"{"constraint":{"table":"public.orders","name":"positive","definition":"CHECK ((price > 0))"}}"#,
            "",
            "drops constraint positive of orders",
            false,
        ),
        (
            r#"{"constraint":{"table":"public.orders","name":"orders_pkey","definition":"PRIMARY KEY (id)"}}"#,
            "",
            "drops constraint orders_pkey of orders",
            true,
        ),
        (
            "CHECK ((price > 0))",
            "CHECK ((price > 9))",
            "changes constraint positive of orders to CHECK ((price > 9))",
            true,
        ),
        (
            "",
            r#"{"constraint":{"table":"public.orders","name":"fk","definition":"FOREIGN KEY (id) REFERENCES a(id)"}}"#,
            "adds constraint fk to orders: FOREIGN KEY (id) REFERENCES a(id)",
            true,
        ),
        (
            r#"{"index":{"table":"public.orders","name":"by_note","definition":"CREATE INDEX by_note","unique":false}}"#,
            "",
            "drops index by_note of orders",
            false,
        ),
        (
            r#"{"index":{"table":"public.orders","name":"one_note","definition":"CREATE UNIQUE INDEX one_note","unique":true}}"#,
            "",
            "drops index one_note of orders",
            true,
        ),
        (
            "",
            r#"{"index":{"table":"public.orders","name":"by_id","definition":"CREATE INDEX by_id","unique":false}}"#,
            "adds index by_id to orders",
            false,
        ),
        (
            "",
            r#"{"index":{"table":"public.orders","name":"u","definition":"CREATE UNIQUE INDEX u","unique":true}}"#,
            "adds unique index u to orders",
            true,
        ),
        ("", r#"{"value":{"type":"public.mood","name":"sad"}}"#, "adds value sad to enum mood", false),
        (r#"{"value":{"type":"public.mood","name":"old"}}"#, "", "drops value old of enum mood", true),
        ("", r#"{"function":{"name":"public.f()","returns":"void"}}"#, "adds function f()", false),
        (
            r#"{"function":{"name":"public.total(integer)","returns":"bigint"}}"#,
            "",
            "drops function total(integer)",
            true,
        ),
        (
            r#""returns":"bigint""#,
            r#""returns":"text""#,
            "makes function total(integer) return text instead of bigint",
            true,
        ),
    ];
    for (old, new, what, breaks) in table {
        assert_eq!(changes(old, new), [((*what).to_owned(), *breaks)]);
    }
}

#[test]
fn a_renamed_column_is_one_that_is_gone() {
    let found = changes(NOTE, &column("memo", "character varying(20)", false, ""));
    let expected = [("drops column orders.note", true), ("adds column orders.memo", false)];
    assert_eq!(found, expected.map(|(what, breaks)| (what.to_owned(), breaks)));
}

#[test]
fn a_digest_is_of_the_schema_and_not_of_its_order_or_its_revision() {
    let base = parse(BASE);
    let turned: String = BASE.lines().rev().map(|line| format!("{line}\n")).collect();
    assert_eq!(base.digest(), parse(&turned).digest());
    assert_eq!(base.digest(), parse(&BASE.replace("a1", "b2")).digest());
    assert_ne!(base.digest(), parse(&BASE.replace("mood", "m")).digest());
    assert_eq!((base.alembic(), parse(&base.lines()) == base), (Some("a1"), true));
    assert_eq!(Catalogue::parse("{\"relation\":{\"name\":\"cut"), None);
}
