use std::cell::RefCell;
use std::future::pending;
use std::sync::Mutex;

use super::super::scenarios::tests::work;
use super::*;
use crate::error::Failure;

/// Does nothing, and remembers in which order it was asked to.
#[derive(Default)]
struct Fake {
    told: RefCell<Vec<String>>,
    under_way: RefCell<(usize, usize)>,
    fails: Option<&'static str>,
    hangs: Option<&'static str>,
    no_image: bool,
}

impl Fake {
    /// Something that takes the others' turn in between, and is counted while it lasts.
    async fn turn(&self) {
        let now = self.under_way.borrow().0 + 1;
        let most = self.under_way.borrow().1.max(now);
        self.under_way.replace((now, most));
        tokio::task::yield_now().await;
        self.under_way.borrow_mut().0 -= 1;
    }
}

fn report(case: &Case, outcome: Outcome) -> ScenarioReport {
    ScenarioReport { name: case.scenario.clone(), outcome, duration_ms: 1, bundle: None, why: None }
}

impl Worker for Fake {
    async fn prepare(&self, work: &Work) -> Result<()> {
        self.told.borrow_mut().push(format!("prepare {}", work.cell.slug()));
        self.turn().await;
        if self.no_image { Err(Error::Build(Failure::new("image", "build"))) } else { Ok(()) }
    }

    async fn perform(&self, cell: &Cell, case: &Case) -> ScenarioReport {
        self.told.borrow_mut().push(format!("{} {}", cell.slug(), case.scenario));
        if self.hangs == Some(&case.scenario) {
            pending::<()>().await;
        }
        self.turn().await;
        report(case, if self.fails == Some(&case.scenario) { Outcome::Failed } else { Outcome::Passed })
    }

    fn without_image(&self, _: &Cell, case: &Case, _: &Error) -> ScenarioReport {
        report(case, Outcome::Failed)
    }
}

fn durations() -> Durations {
    toml::from_str("prepare_ms = 1\n[scenario_ms]\nshort = 1\nlong = 100\nmiddle = 10\n").unwrap()
}

async fn ended(work: &[Work], jobs: usize, fail_fast: bool, fake: &Fake, stop: impl Future<Output = ()>) -> Ended {
    let durations = durations();
    let schedule = Schedule { work, jobs, durations: &durations, fail_fast, on_event: &|_| {} };
    schedule.run(fake, stop).await
}

#[tokio::test]
async fn the_longest_come_first_and_a_cell_runs_once_it_is_prepared() {
    let (work, fake) = (work(1, ["short", "long", "middle"]), Fake::default());
    let slug = work[0].cell.slug();
    let ended = ended(&work, 1, false, &fake, pending()).await;
    let order = [format!("prepare {slug}"), format!("{slug} long"), format!("{slug} middle"), format!("{slug} short")];
    assert_eq!(*fake.told.borrow(), order);
    assert_eq!((ended.reports[0].len(), ended.stopped), (3, None));
}

#[tokio::test]
async fn no_more_are_under_way_than_there_are_places() {
    for jobs in 1..6 {
        let (work, fake) = (work(3, ["short", "long", "middle"]), Fake::default());
        let ended = ended(&work, jobs, false, &fake, pending()).await;
        assert!(ended.reports.iter().all(|reports| reports.len() == 3));
        assert_eq!(fake.under_way.borrow().1, jobs, "the most at once");
    }
}

#[tokio::test]
async fn the_first_failure_ends_a_run_that_fails_fast_and_no_other() {
    let names = |ended: &Ended| ended.reports[0].iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let work = work(1, ["short", "long", "middle"]);
    let failing = || Fake { fails: Some("middle"), ..Fake::default() };
    let fast = ended(&work, 1, true, &failing(), pending()).await;
    assert_eq!((names(&fast), fast.stopped), (vec!["long".to_owned(), "middle".to_owned()], Some(Stopped::FailFast)));
    let slow = ended(&work, 1, false, &failing(), pending()).await;
    assert_eq!((names(&slow).len(), slow.stopped), (3, None));
}

#[tokio::test]
async fn one_that_hangs_holds_up_no_other_and_is_ended_by_a_stop() {
    let (work, fake) = (work(1, ["short", "long", "middle"]), Fake { hangs: Some("long"), ..Fake::default() });
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let on_event = |event: &Event<'_>| {
        if matches!(event, Event::Ended(_, report) if report.name == "short") {
            let _ = tell.lock().unwrap().take().map(|tell| tell.send(()));
        }
    };
    let durations = durations();
    let schedule = Schedule { work: &work, jobs: 2, durations: &durations, fail_fast: false, on_event: &on_event };
    let ended = schedule.run(&fake, async { told.await.unwrap_or_default() }).await;
    assert_eq!(ended.stopped, Some(Stopped::Interrupted));
    assert!(ended.reports[0].iter().all(|report| report.name != "long") && !ended.reports[0].is_empty());
}

#[tokio::test]
async fn a_cell_without_images_fails_and_one_that_cannot_run_is_left_alone() {
    let mut work = work(2, ["short", "long"]);
    work[1].cell.reach = crate::image::Reach::No(vec!["no mirror".to_owned()]);
    let fake = Fake { no_image: true, ..Fake::default() };
    let ended = ended(&work, 4, false, &fake, pending()).await;
    assert!(ended.reports[0].len() == 2 && ended.reports[0].iter().all(|it| it.outcome == Outcome::Failed));
    assert!(ended.reports[1].is_empty());
    assert_eq!(*fake.told.borrow(), [format!("prepare {}", work[0].cell.slug())]);
}
