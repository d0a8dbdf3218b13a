"""dqc in Airflow: operators, a sensor, an approval, a notifier."""

__version__ = "0.1.0"
