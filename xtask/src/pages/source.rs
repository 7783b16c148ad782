//! What the source of a scenario says of it: its words, the faults it uses, the fixtures it deploys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use heck::ToKebabCase;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Expr, ImplItem, Item, Lit, Meta};

/// Verbs that are faults of their own, and what they do to whom.
const VERBS: [(&str, &str); 3] = [
    ("kill_daemon", "the daemon is killed (kill -9)"),
    ("reboot", "the VPS is rebooted"),
    ("on_a_small_stage", "a disk of the engine that becomes full"),
];

/// A file of `scenarios/`.
pub struct Behaviour {
    /// `first_deploy`
    pub file: String,
    /// What it says of itself.
    pub about: String,
    pub scenarios: Vec<Source>,
}

/// A scenario.
pub struct Source {
    /// `a_bare_vps_gets_the_daemon`
    pub function: String,
    /// Its documentation; the name is one sentence already, so that it may have none.
    pub about: String,
    /// What goes wrong in it on purpose.
    pub faults: BTreeSet<String>,
    /// The fixture projects that it names.
    pub projects: BTreeSet<String>,
}

/// Reads all files that hold scenarios, in the order of their names.
pub fn read(root: &Path) -> anyhow::Result<Vec<Behaviour>> {
    let projects = names(&root.join("projects"))?;
    let folder = root.join("scenarios");
    let mut behaviours = Vec::new();
    for file in names(&folder)? {
        let Some(stem) = file.strip_suffix(".rs") else { continue };
        let path = folder.join(&file);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let scenarios = parse(&text, &projects).with_context(|| format!("understand {}", path.display()))?;
        let about =
            text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect::<Vec<_>>().join(" ");
        if !scenarios.is_empty() {
            behaviours.push(Behaviour { file: stem.to_owned(), about, scenarios });
        }
    }
    Ok(behaviours)
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    Ok(entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<std::io::Result<_>>()?)
}

fn parse(text: &str, projects: &BTreeSet<String>) -> anyhow::Result<Vec<Source>> {
    let file = syn::parse_file(text)?;
    let mut bodies: BTreeMap<String, Words> = BTreeMap::new();
    let mut scenarios = Vec::new();
    for item in &file.items {
        match item {
            Item::Fn(function) => {
                bodies.insert(function.sig.ident.to_string(), Words::of(function.block.to_token_stream()));
                if is_scenario(&function.attrs) {
                    scenarios.push((function.sig.ident.to_string(), documentation(&function.attrs)));
                }
            }
            Item::Impl(block) => bodies.extend(block.items.iter().filter_map(|item| match item {
                ImplItem::Fn(function) => {
                    Some((function.sig.ident.to_string(), Words::of(function.block.to_token_stream())))
                }
                _ => None,
            })),
            _ => {}
        }
    }
    let source = |(function, about): (String, String)| {
        let mut all = Words::default();
        reach(&function, &bodies, &mut BTreeSet::new(), &mut all);
        let verbs = VERBS.iter().filter(|(verb, _)| all.idents.contains(*verb)).map(|(_, what)| (*what).to_owned());
        let faults = all.faults.iter().map(|fault| format!("`{}`", fault.to_kebab_case())).chain(verbs).collect();
        Source { function, about, faults, projects: all.texts.intersection(projects).cloned().collect() }
    };
    Ok(scenarios.into_iter().map(source).collect())
}

/// What a function and those of its file that it calls say.
fn reach(function: &str, bodies: &BTreeMap<String, Words>, seen: &mut BTreeSet<String>, all: &mut Words) {
    let Some(words) = bodies.get(function).filter(|_| seen.insert(function.to_owned())) else { return };
    all.idents.extend(words.idents.iter().cloned());
    all.faults.extend(words.faults.iter().cloned());
    all.texts.extend(words.texts.iter().cloned());
    for called in &words.idents {
        reach(called, bodies, seen, all);
    }
}

fn is_scenario(attributes: &[Attribute]) -> bool {
    let every_system = |it: &Attribute| it.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "every_system");
    attributes.iter().any(|it| it.path().is_ident("apply") && every_system(it))
}

fn documentation(attributes: &[Attribute]) -> String {
    let text = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(it) if it.path.is_ident("doc") => match &it.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(text).collect::<Vec<_>>().join(" ")
}

/// The words of a function that tell what it does; those in macros, which no syntax tree shows, are among them.
#[derive(Default)]
struct Words {
    idents: BTreeSet<String>,
    /// Variants of `Fault`.
    faults: BTreeSet<String>,
    texts: BTreeSet<String>,
}

impl Words {
    fn of(tokens: TokenStream) -> Self {
        let mut words = Self::default();
        words.take(tokens);
        words
    }

    fn take(&mut self, tokens: TokenStream) {
        // `Fault`, `:`, `:`, its variant
        let mut path = 0;
        for token in tokens {
            path = match &token {
                TokenTree::Ident(ident) if path == 3 => {
                    self.faults.insert(ident.to_string());
                    0
                }
                TokenTree::Ident(ident) => usize::from(ident == "Fault"),
                TokenTree::Punct(punct) if path > 0 && punct.as_char() == ':' => path + 1,
                _ => 0,
            };
            match token {
                TokenTree::Group(group) => self.take(group.stream()),
                TokenTree::Ident(ident) => {
                    self.idents.insert(ident.to_string());
                }
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal) {
                        self.texts.insert(text.value());
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_known_by_its_attribute_and_by_what_it_calls() {
        let text = r#"
            //! Networks.
            async fn cut(it: &Scenario) { join!(it.vps.inject(Fault::Cut), it.vps.reboot()); }
            async fn other(it: &Scenario) { it.vps.inject(Fault::DiskFull); }

            /// Nothing passes
            /// for a moment.
            #[apply(every_system)]
            #[tokio::test]
            async fn nothing_passes(os: &str) { on_a_stage(os, "web", async |it| cut(it).await) }
        "#;
        let scenarios = parse(text, &["web", "static"].map(str::to_owned).into()).unwrap();
        let [Source { function, about, faults, projects }] = scenarios.as_slice() else { panic!("not one") };
        assert_eq!((function.as_str(), about.as_str()), ("nothing_passes", "Nothing passes for a moment."));
        assert_eq!(faults, &["`cut`", "the VPS is rebooted"].map(str::to_owned).into());
        assert_eq!(projects, &["web".to_owned()].into());
    }
}
