//! The aggregates in words; their names and types are the checker's.

pub(super) struct Aggregate {
    pub name: &'static str,
    pub parameters: &'static [&'static str],
    pub result: &'static str,
    pub doc: &'static str,
}

impl Aggregate {
    /// `quantile(x: number, p: double): double?`
    pub fn signature(&self) -> String {
        format!("{}({}): {}", self.name, self.parameters.join(", "), self.result)
    }
}

const fn aggregate(
    name: &'static str,
    parameters: &'static [&'static str],
    result: &'static str,
    doc: &'static str,
) -> Aggregate {
    Aggregate { name, parameters, result, doc }
}

pub(super) const ALL: [Aggregate; 24] = [
    aggregate("count", &["*"], "bigint", "How many rows there are; `count(x)` counts those where `x` is not null, `count(distinct x)` the different values."),
    aggregate("sum", &["x: number"], "number?", "The sum of what is not null; null over nothing."),
    aggregate("avg", &["x: number"], "number?", "The mean of what is not null; null over nothing."),
    aggregate("min", &["x: any"], "any?", "The least value that is not null."),
    aggregate("max", &["x: any"], "any?", "The greatest value that is not null."),
    aggregate("stddev", &["x: number"], "double?", "The standard deviation of the sample, as Spark's `stddev`."),
    aggregate("stddev_pop", &["x: number"], "double?", "The standard deviation of the population."),
    aggregate("variance", &["x: number"], "double?", "The variance of the sample."),
    aggregate("var_pop", &["x: number"], "double?", "The variance of the population."),
    aggregate("median", &["x: number"], "double?", "The exact median."),
    aggregate("quantile", &["x: number", "p: double"], "double?", "The exact quantile with linear interpolation, as Spark's `percentile`; `p` from 0 to 1."),
    aggregate("approx_quantile", &["x: number", "p: double"], "double?", "A quantile from a sketch: bounded memory, a small error."),
    aggregate("distinct", &["x: any"], "bigint", "How many different values there are, null not counted."),
    aggregate("approx_distinct", &["x: any"], "bigint", "How many different values there are, from a sketch: bounded memory, a small error."),
    aggregate("skewness", &["x: number"], "double?", "How lopsided the distribution is; 0 for a symmetric one."),
    aggregate("kurtosis", &["x: number"], "double?", "How heavy the tails are; 0 for a normal distribution."),
    aggregate("corr", &["x: number", "y: number"], "double?", "Pearson's correlation, from -1 to 1."),
    aggregate("entropy", &["x: any"], "double?", "Shannon's entropy of the values, in nats."),
    aggregate("mode", &["x: any"], "any?", "The most frequent value."),
    aggregate("share", &["condition: boolean"], "double?", "The rows where the condition is true, over all rows, as a part of 1: compare it with `95%`."),
    aggregate("count_if", &["condition: boolean"], "bigint", "How many rows meet the condition."),
    aggregate("bool_and", &["condition: boolean"], "boolean?", "Whether the condition is true wherever it is not null."),
    aggregate("bool_or", &["condition: boolean"], "boolean?", "Whether the condition is true somewhere."),
    aggregate("drift", &["x: any", "last N batches"], "double?", "How far the distribution of `x` is from that of past batches: the population stability index, about 0.1 for some change, 0.25 for much."),
];

/// By any of its names.
pub(super) fn find(name: &str) -> Option<&'static Aggregate> {
    let name = name.to_lowercase();
    let by = |wanted: &str| ALL.iter().find(|a| a.name == wanted);
    by(&name).or_else(|| {
        let function = crate::check::infer::aggregates::by_name(&name)?;
        ALL.iter().find(|a| crate::check::infer::aggregates::by_name(a.name) == Some(function))
    })
}
