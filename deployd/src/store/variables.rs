//! The application's variables.

use super::open::{VARIABLES, put, remove};
use super::{Store, Variable};
use crate::error::Result;

impl Store {
    /// Every variable, by name; the values of encrypted ones are sealed.
    pub fn variables(&self) -> Result<Vec<Variable>> {
        Ok(self.all(VARIABLES)?.into_iter().map(|(_, variable)| variable).collect())
    }

    /// Keeps a variable.
    pub fn set_variable(&self, variable: &Variable) -> Result<()> {
        self.write(|tx| put(tx, VARIABLES, &variable.name, variable))
    }

    /// Forgets a variable; says whether there was one.
    pub fn remove_variable(&self, name: &str) -> Result<bool> {
        self.write(|tx| remove(tx, VARIABLES, name))
    }
}
