//! What is asked for by parts of names.

/// Whether one of the names holds one of the filters; without any filter all are selected.
pub(super) fn is_selected(filters: &[String], names: &[&str]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| names.iter().any(|name| name.contains(filter.as_str())))
}

/// The first of the filters that none of the names holds.
#[must_use]
pub fn unknown_filter<'a>(filters: &'a [String], names: &[&str]) -> Option<&'a str> {
    filters.iter().find(|filter| !is_selected(std::slice::from_ref(*filter), names)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_selects_and_each_must_mean_something() {
        let filters = ["git", "reboot"].map(str::to_owned);
        assert!(is_selected(&[], &["boot"]) && is_selected(&filters, &["boot", "a-reboot"]));
        assert!(!is_selected(&filters, &["boot"]));
        assert_eq!(unknown_filter(&filters, &["git::head", "boot"]), Some("reboot"));
        assert_eq!(unknown_filter(&filters, &["git::head", "reboot"]), None);
        assert_eq!(unknown_filter(&[], &[]), None);
    }
}
