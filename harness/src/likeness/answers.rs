//! Asking many points in one command, and taking its output apart again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::list::Point;
use crate::ssh::quote;

/// Stands before each answer.
const MARK: &str = "=== likeness ";

/// The script for `sh` that asks every point, one after the other.
pub(super) fn script(points: &[Point]) -> String {
    let mut script = String::new();
    for Point { name, run, seconds, .. } in points {
        // writing to a string cannot fail; what comes on both streams is read as one
        let _ = writeln!(
            script,
            "printf '\\n%s\\n' {mark}; timeout -k 5 {seconds} sh -c {run} </dev/null 2>&1; \
             [ $? -ne 124 ] || echo 'no end after {seconds} s'",
            mark = quote(&format!("{MARK}{name}")),
            run = quote(run),
        );
    }
    script
}

/// What the script printed, by point.
pub(super) fn answers(output: &str) -> BTreeMap<&str, String> {
    let sections = output.split(MARK).skip(1).map(|section| section.split_once('\n').unwrap_or((section, "")));
    sections.map(|(name, answer)| (name, answer.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likeness::LikenessList;

    #[test]
    fn a_shell_answers_every_point_and_a_silent_one_is_given_up() {
        let point =
            |name: &str, run: &str| format!("[[point]]\nname = '{name}'\nsays = 's'\nreal = ''\nrun = \"{run}\"\n");
        let slow = point("slow", "exec tail -f /dev/null") + "seconds = 1\n";
        let two = point("two", "echo one; echo \\\"it's\\\" >&2; exit 3");
        let list = [two, point("nothing", "true"), point("input", "cat"), slow].concat();
        let list = LikenessList::parse(&list).unwrap();
        let output = std::process::Command::new("sh").args(["-c", &script(list.points())]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let expected = [("input", ""), ("nothing", ""), ("slow", "no end after 1 s"), ("two", "one\nit's")];
        assert_eq!(answers(&text), expected.map(|(name, answer)| (name, answer.to_owned())).into());
    }
}
