//! All forms of a report say the same, and nothing in them is taken for markup or holds a secret.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod sample;

use std::collections::BTreeMap;
use std::path::Path;

use harness::report::{MatrixReport, Outcome};
use quick_junit::{Report, TestCaseStatus};
use sample::{ERROR, of_others, sample};
use scraper::{ElementRef, Html, Selector};

/// What each scenario came to, by `system/scenario`, and the systems that cannot run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    outcomes: BTreeMap<String, String>,
    unavailable: BTreeMap<String, String>,
}

struct Written {
    dir: tempfile::TempDir,
    report: MatrixReport,
}

fn written() -> Written {
    let dir = tempfile::tempdir().unwrap();
    let path = sample(dir.path()).write(dir.path()).unwrap();
    let report = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    Written { dir, report }
}

impl Written {
    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    fn page(&self) -> Html {
        Html::parse_document(&self.file("index.html"))
    }
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn attribute(element: &ElementRef<'_>, name: &str) -> String {
    element.attr(name).unwrap_or_default().to_owned()
}

fn text(element: &ElementRef<'_>) -> String {
    element.text().collect()
}

fn said_by_json(report: &MatrixReport) -> Said {
    let mut said = Said::default();
    for cell in &report.cells {
        for it in &cell.scenarios {
            said.outcomes.insert(format!("{}/{}", cell.slug(), it.name), it.outcome.word().to_owned());
        }
        for name in &cell.not_run {
            said.outcomes.insert(format!("{}/{name}", cell.slug()), "not-run".to_owned());
        }
        if !cell.available {
            said.unavailable.insert(cell.slug(), cell.reason.clone());
        }
    }
    said
}

fn said_by_junit(xml: &Report) -> Said {
    let mut said = Said::default();
    for suite in &xml.test_suites {
        for case in &suite.test_cases {
            let (word, message) = match &case.status {
                TestCaseStatus::Success { .. } => ("passed", None),
                TestCaseStatus::NonSuccess { message, .. } => ("failed", message.as_ref()),
                TestCaseStatus::Skipped { message, .. } => ("not-run", message.as_ref()),
            };
            if case.name.as_str() == "unavailable" {
                said.unavailable.insert(suite.name.to_string(), message.unwrap().to_string());
            } else {
                said.outcomes.insert(format!("{}/{}", suite.name.as_str(), case.name.as_str()), word.to_owned());
            }
        }
    }
    said
}

/// By what `selector` finds: the fields of the table, or the stories.
fn said_by_page(page: &Html, selector: &str) -> Said {
    let mut said = Said::default();
    for it in select(page, selector).iter().filter(|it| attribute(it, "data-outcome") != "absent") {
        let outcome = attribute(it, "data-outcome");
        assert!(text(it).contains(&outcome.replace('-', " ")), "a colour without its word: {}", it.html());
        said.outcomes.insert(format!("{}/{}", attribute(it, "data-system"), attribute(it, "data-scenario")), outcome);
    }
    for it in select(page, "[data-unavailable]") {
        let reason = it.select(&Selector::parse("dd").unwrap()).next().unwrap();
        said.unavailable.insert(attribute(&it, "data-unavailable"), text(&reason));
    }
    said
}

#[test]
fn json_junit_and_page_agree_on_every_scenario_of_every_system() {
    let written = written();
    let expected = said_by_json(&written.report);
    let totals = written.report.totals;
    assert_eq!(expected.outcomes.values().filter(|word| *word == "failed").count(), totals.failed);
    assert_eq!((totals.failed > 2, expected.unavailable.len() >= 10), (true, true), "the sample is a sample");

    let xml = Report::deserialize_from_str(&written.file("junit.xml")).unwrap();
    assert_eq!(said_by_junit(&xml), expected);
    let required = written.report.missing().count();
    assert_eq!((xml.tests, xml.failures), (expected.outcomes.len() + totals.unavailable, totals.failed + required));
    assert_eq!(xml.errors, 0);

    let page = written.page();
    assert_eq!(said_by_page(&page, "td[data-outcome]"), expected);
    assert_eq!(said_by_page(&page, "details[data-story]"), expected);
    assert_eq!(select(&page, "[data-failure]").len(), totals.failed);
    assert_eq!(select(&page, "[data-missing]").len(), required);
    assert_eq!(select(&page, "tbody tr").len(), totals.cells - totals.unavailable);
}

#[test]
fn what_a_tool_of_others_cannot_do_is_counted_and_shown_with_its_reason_in_every_form() {
    let dir = tempfile::tempdir().unwrap();
    let path = of_others().write(dir.path()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let written = Written { report: serde_json::from_value(json.clone()).unwrap(), dir };
    assert_eq!((&json["deployer"], &json["totals"]["unsupported"]), (&"compose".into(), &1.into()));
    assert_eq!(json["cells"][0]["scenarios"][1]["outcome"], "unsupported");
    let verdict = written.report.verdict();
    assert_eq!(verdict, "compose: 1 scenario passed on 1 system, 1 more unsupported");
    assert!(written.report.nothing_failed() && !written.report.all_passed(), "it is neither a failure nor a pass");

    let xml = Report::deserialize_from_str(&written.file("junit.xml")).unwrap();
    let TestCaseStatus::Skipped { message, .. } = &xml.test_suites[0].test_cases[1].status else { panic!("{xml:?}") };
    assert!(message.as_ref().unwrap().as_str().contains("unsupported: it keeps <no> version"), "{message:?}");
    let summary = written.file("summary.md");
    assert!(summary.starts_with("🔶 ") && summary.contains("| 🔶 passed in part | 1 | 0 | 1 | 0 |"), "{summary}");
    assert!(summary.contains("it keeps &lt;no&gt; version"), "{summary}");

    let page = written.page();
    let expected = said_by_json(&written.report);
    assert_eq!(expected.outcomes.values().filter(|word| *word == "unsupported").count(), 1);
    assert_eq!(said_by_page(&page, "td[data-outcome]"), expected);
    assert_eq!(said_by_page(&page, "details[data-story]"), expected);
    let listed = select(&page, "[data-unsupported]");
    assert!(listed.len() == 1 && text(&listed[0]).contains("it keeps <no> version"), "the reason is told");
    assert_eq!(select(&page, "header.unsupported").len(), 1, "neither green nor red");
}

#[test]
fn a_report_on_deployd_says_nothing_of_tools_that_cannot() {
    let written = written();
    assert_eq!((written.report.totals.unsupported, written.report.deployer.as_ref()), (0, None));
    for file in ["report.json", "junit.xml", "summary.md"] {
        assert!(!written.file(file).contains("nsupported"), "{file}");
    }
    assert!(select(&written.page(), "section#unsupported, .story.unsupported").is_empty());
}

#[test]
fn two_clicks_lead_from_the_top_of_the_page_to_the_cause() {
    let written = written();
    let page = written.page();
    for line in select(&page, "[data-failure]") {
        let link = line.select(&Selector::parse("a").unwrap()).next().unwrap();
        let story = format!("[id='{}']", attribute(&link, "href").trim_start_matches('#'));
        let found = select(&page, &story);
        let [story] = found.as_slice() else { panic!("{} stories at {story}", found.len()) };
        let first = story.child_elements().next().unwrap();
        assert_eq!((first.value().name(), attribute(&first, "class").as_str()), ("pre", "error"), "{}", first.html());
        assert!(text(&line).contains(text(&first).lines().next().unwrap()), "the list says something else");
    }
    let steps = select(&page, ".story.failed .acts li.badly");
    assert!(steps.iter().any(|step| text(step).contains("not done when the story ends")), "what hung is not told");
}

#[test]
fn every_link_leads_somewhere_inside_the_report_and_nothing_comes_from_outside() {
    let written = written();
    let page = written.page();
    for link in select(&page, "a[href]") {
        let href = attribute(&link, "href");
        match href.strip_prefix('#') {
            Some(id) => assert_eq!(select(&page, &format!("[id='{id}']")).len(), 1, "#{id}"),
            None => assert!(Path::new(&href).is_relative() && written.dir.path().join(&href).exists(), "{href}"),
        }
    }
    assert!(select(&page, "script, link, img, iframe, [src], [onclick]").is_empty());
    assert!(!written.file("index.html").contains("@import") && !written.file("index.html").contains("url("));
    for bundle in written.report.cells.iter().flat_map(|cell| &cell.scenarios).filter_map(|it| it.bundle.as_ref()) {
        assert!(bundle.is_relative() && written.dir.path().join(bundle).is_dir(), "{}", bundle.display());
    }
}

#[test]
fn long_files_are_cut_in_the_middle_and_their_ends_are_shown() {
    let written = written();
    let page = written.page();
    let journals = select(&page, "details[data-file='journal.txt']");
    assert!(!journals.is_empty());
    for journal in journals {
        let (shown, size) = (text(&journal), 3000 * 45);
        assert!(
            shown.contains("sshd[0]:") && shown.contains("sshd[2999]:") && shown.len() < size / 5,
            "{}",
            shown.len()
        );
    }
    assert!(select(&page, "details[data-file='memory.txt']").is_empty(), "an empty file is no evidence");
}

#[test]
fn words_of_an_error_are_no_markup_and_secrets_are_in_none_of_the_files() {
    let written = written();
    let page = written.page();
    assert!(select(&page, "pre.error b").is_empty());
    assert!(select(&page, "pre.error").iter().any(|it| text(it).starts_with(ERROR.lines().next().unwrap())));
    let summary = written.file("summary.md");
    assert!(summary.contains("&lt;b&gt;no&lt;/b&gt; such &#124; &#96;column&#96; &amp;"), "{summary}");
    assert!(written.file("junit.xml").contains("&lt;b&gt;no&lt;/b&gt; such"), "escaped");
    for file in ["report.json", "junit.xml", "summary.md", "index.html"] {
        assert!(!written.file(file).contains("0123456789abcdef"), "{file} holds a token");
    }
}

#[test]
fn the_summary_tells_the_verdict_the_systems_the_failures_and_what_cannot_run() {
    let written = written();
    let summary = written.file("summary.md");
    let report = &written.report;
    assert!(summary.starts_with(&format!("❌ **{}**", report.verdict())), "{summary}");
    assert!(report.verdict().contains("1 required system cannot run, stopped by a signal"), "{}", report.verdict());
    for cell in &report.cells {
        let counts = [Outcome::Passed, Outcome::Failed].map(|outcome| cell.count(outcome));
        let row = format!("| {} | {} | {} |", counts[0], counts[1], cell.not_run.len());
        assert!(!cell.available || summary.contains(&row), "{}: {row}", cell.title());
        assert!(summary.contains(&cell.title()), "{} is missing", cell.title());
    }
    assert_eq!(summary.matches("<br>bundle: ").count(), report.totals.failed - 1, "one left no bundle");
}
