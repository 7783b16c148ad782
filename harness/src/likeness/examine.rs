//! Holding a VPS to the list: who asks, what came, and where that is not what a real server answers.

use std::fmt;
use std::time::Duration;

use super::answers::{answers, script};
use super::list::{LikenessList, Login, Point, whole};
use crate::error::{Error, Failure, Result};
use crate::ssh::{Exec, Session};
use crate::testenv::TestEnv;
use crate::vps::Vps;

/// How long a VPS that is up may take to accept a login.
const LOGIN: Duration = Duration::from_secs(30);

/// A point at which a VPS is not what the list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// The point's name.
    pub point: String,
    /// What a server has.
    pub says: String,
    /// The command that asked.
    pub run: String,
    /// The pattern that the answer should have held to, and why it is no other.
    pub expected: String,
    /// The answer.
    pub seen: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { point, says, run, expected, seen } = self;
        write!(f, "{point}: {says}\n  run:      {run}\n  expected: {expected}\n  seen:     ")?;
        f.write_str(&seen.replace('\n', "\n            "))
    }
}

/// Asks a VPS every point of the list that is for it, in one session as root and one as its other user; answers all
/// deviations at once, none when it is what the list says. A known difference that is gone is one, too.
pub async fn examine(vps: &Vps, env: &TestEnv, list: &LikenessList) -> Result<Vec<Deviation>> {
    let info = vps.info();
    let system = env.system(&info.os, &info.version)?;
    let points = list.points_of(system, info.init, info.arch == env.engine().arch());
    let other = Session::connect(&vps.target().user(system.user.clone()), LOGIN).await?;
    let mut deviations = Vec::new();
    for (login, session) in [(Login::Root, vps.ssh().await?), (Login::User, other.clone())] {
        let points: Vec<Point> = points.iter().filter(|point| point.login == login).cloned().collect();
        let patience = points.iter().map(|point| u64::from(point.seconds)).sum();
        let exec = Exec::new().stdin(script(&points)).deadline(Duration::from_secs(patience));
        let output = session.run_with("sh", exec).await?;
        deviations.extend(compared(&points, &output.stdout_text())?);
    }
    other.close().await;
    Ok(deviations)
}

/// Where the answers are not what the points say.
fn compared(points: &[Point], output: &str) -> Result<Vec<Deviation>> {
    let answers = answers(output);
    let mut deviations = Vec::new();
    for point in points {
        let seen = answers.get(point.name.as_str()).map_or("no answer at all", String::as_str);
        if let Some(expected) = wrong(point, seen)? {
            let Point { name, says, run, .. } = point.clone();
            deviations.push(Deviation { point: name, says, run, expected, seen: seen.to_owned() });
        }
    }
    Ok(deviations)
}

/// What was expected, where an answer is not that.
fn wrong(point: &Point, seen: &str) -> Result<Option<String>> {
    let holds = |pattern: &str| {
        let pattern = whole(pattern);
        pattern.map(|it| it.is_match(seen)).map_err(|error| Error::File(Failure::new(&point.name, "match").saw(error)))
    };
    let real = holds(&point.real)?;
    Ok(match &point.known {
        None if real => None,
        None => Some(point.real.clone()),
        Some(_) if real => {
            Some("the known difference; it is mended, so that list and README should forget it".to_owned())
        }
        Some(known) if holds(&known.here)? => None,
        Some(known) => Some(format!("{} (a known difference; a real server: {})", known.here, point.real)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_held_to_the_real_one_and_a_known_difference_to_its_own() {
        let text = "[[point]]\nname = 'plain'\nsays = 's'\nrun = 'r'\nreal = '(?s)a.*z'\n\
                    [[point]]\nname = 'other'\nsays = 's'\nrun = 'r'\nreal = 'yes'\nknown = { here = 'no', readme = 'w' }\n";
        let list = LikenessList::parse(text).unwrap();
        let told = |plain: &str, other: &str| -> Vec<String> {
            let output = format!("=== likeness plain\n{plain}\n\n=== likeness other\n{other}\n");
            let deviations = compared(list.points(), &output).unwrap();
            deviations.iter().map(|it| format!("{}: {}", it.point, it.expected)).collect()
        };
        assert!(told("a\nz", "no").is_empty());
        assert_eq!(told("xaz", "no"), ["plain: (?s)a.*z"]);
        assert!(told("az", "yes")[0].contains("mended"));
        assert_eq!(told("az", "perhaps"), ["other: no (a known difference; a real server: yes)"]);
        let silent = compared(list.points(), "").unwrap();
        assert_eq!(silent.len(), 2);
        assert!(silent[0].to_string().ends_with("seen:     no answer at all"), "{}", silent[0]);
    }
}
