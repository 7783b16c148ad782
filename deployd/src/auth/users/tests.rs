//! Users as they log in, are removed, and use their codes.

use data_encoding::BASE32_NOPAD;
use totp_rs::Builder;

use super::*;
use crate::settings::DataDir;

struct Machine {
    tokens: Arc<Tokens>,
    users: Users,
}

impl Machine {
    fn open(dir: &std::path::Path) -> Self {
        let data = DataDir::new(dir);
        let store = Arc::new(Store::open(&data).unwrap());
        let tokens = Arc::new(Tokens::open(&data, store.clone()).unwrap());
        Self { users: Users::new(store, tokens.clone()), tokens }
    }

    async fn log_in(&self, name: &str, password: &str, code: Option<&str>) -> Result<String, Kind> {
        let credentials =
            Credentials { username: name.to_owned(), password: password.to_owned(), code: code.map(str::to_owned) };
        let admitted = self.users.log_in(credentials, IpAddr::from([10, 0, 0, 1])).await;
        admitted.map_err(|failure| failure.kind())
    }
}

const PASSWORD: &str = "correct horse";

#[tokio::test]
async fn a_user_logs_in_with_the_right_password_only_and_has_their_level() {
    let dir = tempfile::tempdir().unwrap();
    let it = Machine::open(dir.path());
    it.users.add("ann", PASSWORD, Level::User).await.unwrap();
    it.users.add("root", PASSWORD, Level::Admin).await.unwrap();
    for (name, level) in [("ann", Level::User), ("root", Level::Admin)] {
        let token = it.log_in(name, PASSWORD, None).await.unwrap();
        let session = it.tokens.verify(&token).unwrap();
        assert_eq!((session.user.as_str(), session.level), (name, level));
    }
    assert_eq!(it.log_in("ann", "wrong horse", None).await, Err(Kind::Unauthorized));
    assert_eq!(it.log_in("nobody", PASSWORD, None).await, Err(Kind::Unauthorized));
    assert_eq!(it.users.add("ann", PASSWORD, Level::Admin).await.unwrap_err().kind(), Kind::Conflict);
}

#[tokio::test]
async fn what_is_wrong_with_a_name_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let it = Machine::open(dir.path());
    for name in ["", "ab", "a b c", "änn", ".ann", "-ann", "ann/x", "operator", "Operator", &"a".repeat(65)] {
        assert_eq!(it.users.add(name, PASSWORD, Level::User).await.unwrap_err().kind(), Kind::Invalid, "{name}");
    }
    assert_eq!(it.users.add("ann", "short", Level::User).await.unwrap_err().kind(), Kind::Invalid);
    assert!(it.users.list().unwrap().is_empty());
}

#[tokio::test]
async fn who_is_removed_has_no_token_any_more_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (ann, bob, operator) = {
        let it = Machine::open(dir.path());
        it.users.add("ann", PASSWORD, Level::User).await.unwrap();
        it.users.add("bob", PASSWORD, Level::User).await.unwrap();
        let ann = it.log_in("ann", PASSWORD, None).await.unwrap();
        let bob = it.log_in("bob", PASSWORD, None).await.unwrap();
        let operator = it.tokens.issue(OPERATOR, Level::Admin, Duration::from_mins(1)).unwrap();
        it.users.remove("ann").unwrap();
        assert!(it.tokens.verify(&ann).is_err() && it.tokens.verify(&bob).is_ok());
        assert_eq!(it.log_in("ann", PASSWORD, None).await, Err(Kind::Unauthorized));
        assert_eq!(it.users.remove("ann").unwrap_err().kind(), Kind::Missing);
        (ann, bob, operator)
    };
    let it = Machine::open(dir.path());
    assert!(it.tokens.verify(&ann).is_err() && it.tokens.verify(&bob).is_ok());
    // a new user of the same name gets nothing of the old one
    it.users.add("ann", PASSWORD, Level::User).await.unwrap();
    assert!(it.tokens.verify(&ann).is_err());
    assert_eq!(it.users.remove_all().unwrap(), 2);
    assert!(it.tokens.verify(&bob).is_err() && it.tokens.verify(&operator).is_ok());
}

#[tokio::test]
async fn a_code_is_asked_for_once_the_password_is_right_and_works_once() {
    let dir = tempfile::tempdir().unwrap();
    let it = Machine::open(dir.path());
    it.users.add("ann", PASSWORD, Level::User).await.unwrap();
    assert_eq!(it.users.disable_codes("ann").unwrap_err().kind(), Kind::Conflict);
    let enrolment = it.users.enable_codes("ann").unwrap();
    assert_eq!(it.users.enable_codes("ann").unwrap_err().kind(), Kind::Conflict);
    assert_eq!(it.users.enable_codes("bob").unwrap_err().kind(), Kind::Missing);

    for missing in [None, Some(""), Some(" ")] {
        assert_eq!(it.log_in("ann", PASSWORD, missing).await, Err(Kind::CodeMissing));
    }
    assert_eq!(it.log_in("ann", "wrong horse", None).await, Err(Kind::Unauthorized));
    let device = Builder::new().with_secret(BASE32_NOPAD.decode(enrolment.secret.as_bytes()).unwrap());
    let now = u64::try_from(Timestamp::now().as_second()).unwrap();
    let code = device.build().unwrap().generate(now).to_string();
    it.log_in("ann", PASSWORD, Some(&code)).await.unwrap();
    assert_eq!(it.log_in("ann", PASSWORD, Some(&code)).await, Err(Kind::Unauthorized));
    let backup = Some(enrolment.backup_codes[0].as_str());
    // a wrong password uses no code up
    assert_eq!(it.log_in("ann", "wrong horse", backup).await, Err(Kind::Unauthorized));
    it.log_in("ann", PASSWORD, backup).await.unwrap();
    assert_eq!(it.log_in("ann", PASSWORD, backup).await, Err(Kind::Unauthorized));

    it.users.disable_codes("ann").unwrap();
    it.log_in("ann", PASSWORD, None).await.unwrap();
}

#[tokio::test]
async fn wrong_passwords_and_wrong_codes_are_slowed_and_right_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let it = Machine::open(dir.path());
    it.users.add("ann", PASSWORD, Level::User).await.unwrap();
    it.users.add("bob", PASSWORD, Level::User).await.unwrap();
    for _ in 0..12 {
        it.log_in("ann", PASSWORD, None).await.unwrap();
    }
    it.users.enable_codes("ann").unwrap();
    for n in 0..12 {
        let wrong = if n % 2 == 0 { ("wrong horse", None) } else { (PASSWORD, Some("123")) };
        let kind = it.log_in("ann", wrong.0, wrong.1).await.unwrap_err();
        assert_eq!(kind, if n < 10 { Kind::Unauthorized } else { Kind::Limited }, "attempt {n}");
    }
    assert_eq!(it.log_in("ann", PASSWORD, None).await, Err(Kind::Limited));
    it.log_in("bob", PASSWORD, None).await.unwrap();
}

#[tokio::test]
async fn of_two_logins_with_one_code_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let it = Machine::open(dir.path());
    it.users.add("ann", PASSWORD, Level::User).await.unwrap();
    let enrolment = it.users.enable_codes("ann").unwrap();
    let code = Some(enrolment.backup_codes[0].as_str());
    let (one, two) = tokio::join!(it.log_in("ann", PASSWORD, code), it.log_in("ann", PASSWORD, code));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
}

#[tokio::test]
async fn nothing_that_a_login_takes_lies_in_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let it = Machine::open(dir.path());
    it.users.add("ann", PASSWORD, Level::User).await.unwrap();
    let enrolment = it.users.enable_codes("ann").unwrap();
    let database = std::fs::read(DataDir::new(dir.path()).database()).unwrap();
    let holds = |text: &str| database.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("\"ann\""));
    assert!(!holds(PASSWORD) && !holds(&enrolment.secret));
    assert!(!enrolment.backup_codes.iter().any(|code| holds(code) || holds(&code.replace('-', ""))));
}
