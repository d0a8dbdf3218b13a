//! Central moments up to the fourth and co-moments, mergeable.
//! Formulas: P. Pébay, "Formulas for Robust, One-Pass Parallel Computation of Covariances and Arbitrary-Order
//! Statistical Moments", Sandia report SAND2008-6212, 2008.

#[derive(Clone, Copy, Default)]
pub struct Moments {
    pub n: f64,
    pub mean: f64,
    pub m2: f64,
    pub m3: f64,
    pub m4: f64,
}

impl Moments {
    pub fn add(&mut self, x: f64) {
        self.merge(&Moments { n: 1.0, mean: x, ..Moments::default() });
    }

    pub fn merge(&mut self, b: &Moments) {
        if b.n == 0.0 {
            return;
        }
        let a = *self;
        let n = a.n + b.n;
        let d = b.mean - a.mean;
        let d_n = d / n;
        let product = a.n * b.n;
        self.n = n;
        self.mean = a.mean + b.n * d_n;
        self.m2 = a.m2 + b.m2 + d * d_n * product;
        self.m3 = a.m3
            + b.m3
            + d * d_n * d_n * product * (a.n - b.n)
            + 3.0 * d_n * (a.n * b.m2 - b.n * a.m2);
        self.m4 = a.m4
            + b.m4
            + d * d_n * d_n * d_n * product * (a.n * a.n - product + b.n * b.n)
            + 6.0 * d_n * d_n * (a.n * a.n * b.m2 + b.n * b.n * a.m2)
            + 4.0 * d_n * (a.n * b.m3 - b.n * a.m3);
    }

    /// Of the sample (`n - 1`), or of the population; `None` where there are too few values.
    pub fn variance(&self, sample: bool) -> Option<f64> {
        let divisor = if sample { self.n - 1.0 } else { self.n };
        (divisor > 0.0).then(|| self.m2 / divisor)
    }

    /// As Spark's `skewness`: of the population.
    pub fn skewness(&self) -> Option<f64> {
        (self.n > 0.0 && self.m2 > 0.0).then(|| self.n.sqrt() * self.m3 / self.m2.powf(1.5))
    }

    /// As Spark's `kurtosis`: the population's excess.
    pub fn kurtosis(&self) -> Option<f64> {
        (self.n > 0.0 && self.m2 > 0.0).then(|| self.n * self.m4 / (self.m2 * self.m2) - 3.0)
    }
}

#[derive(Clone, Copy, Default)]
pub struct CoMoments {
    n: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl CoMoments {
    pub fn add(&mut self, x: f64, y: f64) {
        self.merge(&CoMoments { n: 1.0, mean_x: x, mean_y: y, ..CoMoments::default() });
    }

    pub fn merge(&mut self, b: &CoMoments) {
        if b.n == 0.0 {
            return;
        }
        let a = *self;
        let n = a.n + b.n;
        let (dx, dy) = (b.mean_x - a.mean_x, b.mean_y - a.mean_y);
        let weight = a.n * b.n / n;
        self.n = n;
        self.mean_x = a.mean_x + dx * b.n / n;
        self.mean_y = a.mean_y + dy * b.n / n;
        self.xx = a.xx + b.xx + dx * dx * weight;
        self.yy = a.yy + b.yy + dy * dy * weight;
        self.xy = a.xy + b.xy + dx * dy * weight;
    }

    /// Pearson's; `None` where a side does not vary.
    pub fn correlation(&self) -> Option<f64> {
        let spread = (self.xx * self.yy).sqrt();
        (self.n > 0.0 && spread > 0.0).then(|| self.xy / spread)
    }
}
