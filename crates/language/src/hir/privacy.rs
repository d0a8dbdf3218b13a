//! What of a column's values an expression tells.

use super::{AggregateFn, Checked, Expr, ExprKind, ForEach, Privacy, Rows, Type};

/// Promotions that a column is followed through.
const FAR: usize = 32;

impl Checked {
    /// How private a column is: as its contract says, or as the columns are from which promotions compute its values. What a
    /// condition makes of them, true or false, is not taken for theirs.
    pub fn privacy(&self, dataset: &str, column: &str) -> Privacy {
        self.inherited(dataset, column, FAR)
    }

    fn inherited(&self, dataset: &str, column: &str, far: usize) -> Privacy {
        let own = self.contract(dataset).and_then(|c| c.columns.iter().find(|c| c.name == column));
        let mut most = own.map(|c| c.privacy).unwrap_or_default();
        let Some(far) = far.checked_sub(1).filter(|_| most != Privacy::Secret) else { return most };
        let mappings = self.promotions.iter().filter(|p| p.to == dataset).flat_map(|p| p.mappings.iter().map(move |m| (&p.from, m)));
        for (from, mapping) in mappings.filter(|(_, m)| m.column == column && m.value.ty != Type::Boolean) {
            most = most.max(read(&mapping.value, &Rows::Own, &|_, name| self.inherited(from, name, far)));
        }
        most
    }
}

impl AggregateFn {
    /// Whether it is measured in its column's unit: over one row a sum, a mean and each quantile are that row's value.
    pub fn tells_values(self) -> bool {
        use AggregateFn as F;
        match self {
            F::Sum | F::Avg | F::Min | F::Max | F::Mode | F::Median | F::Quantile | F::ApproxQuantile => true,
            F::StdDev | F::StdDevPop | F::Variance | F::VariancePop | F::MedianDeviation | F::Distribution => true,
            F::Count | F::Share | F::ApproxDistinct | F::Skewness | F::Kurtosis | F::Correlation | F::Entropy => false,
            F::MutualInformation | F::Association | F::Gaps | F::Overlaps => false,
        }
    }
}

/// How private a column is, by the rows that it is of.
pub type Columns<'c> = dyn Fn(&Rows, &str) -> Privacy + 'c;

/// The most private of the columns whose values an expression over groups or a batch can give back, or tell when few rows
/// are read.
pub fn told(expr: &Expr, columns: &Columns<'_>) -> Privacy {
    let mut most = Privacy::Public;
    expr.visit(&mut |e| match &e.kind {
        // What groups.
        ExprKind::Column(name) => most = most.max(columns(&Rows::Own, name)),
        ExprKind::Aggregate(a) if a.function.tells_values() => {
            a.args.iter().for_each(|arg| most = most.max(read(arg, &a.rows, columns)));
        }
        _ => {}
    });
    most
}

/// The most private of the columns that an expression of each row reads.
pub fn read(expr: &Expr, rows: &Rows, columns: &Columns<'_>) -> Privacy {
    let mut most = Privacy::Public;
    expr.visit(&mut |e| {
        if let ExprKind::Column(name) = &e.kind {
            most = most.max(columns(rows, name));
        }
    });
    most
}

/// Whether the ledger may keep a hash in the place of a value: of text that a person chose. Of numbers, dates and flags
/// there are so few that a hash is found out by trying; and nothing is kept of secrets.
pub fn is_kept(privacy: Privacy, ty: &Type) -> bool {
    match privacy {
        Privacy::Public => true,
        Privacy::Personal => *ty == Type::String,
        Privacy::Secret => false,
    }
}

/// Why nothing can be kept for later batches of a value that is looked at over the past: the expression that tells too much,
/// and how private it is.
pub fn never_kept<'e>(past: &'e Expr, each: Option<&'e ForEach>, columns: &Columns<'_>) -> Option<(&'e Expr, Privacy)> {
    for (_, by) in each.iter().flat_map(|each| &each.by) {
        let privacy = read(by, &Rows::Own, columns);
        if !is_kept(privacy, &by.ty) {
            return Some((by, privacy));
        }
    }
    match &past.kind {
        ExprKind::History { metric, .. } => Some((&**metric, told(metric, columns))).filter(|(_, p)| *p != Privacy::Public),
        ExprKind::Drift { value, .. } => {
            let privacy = read(value, &Rows::Own, columns);
            (!is_kept(privacy, &value.ty)).then_some((&**value, privacy))
        }
        _ => None,
    }
}
