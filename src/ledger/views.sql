-- The ledger as people look at it, in the SQL of Databricks and Spark, over the tables of README.md.

create or replace view dqc_batches as
select
    dataset,
    batch,
    promotion,
    cast(as_of as date) as day,
    case when published then 'published' when verdict = 'refused' then 'refused' else 'blocked' end as state,
    contract_version,
    rows_input as input_rows,
    rows_accepted as accepted_rows,
    rows_quarantined as quarantined_rows,
    case when rows_input > 0 then cast(rows_quarantined as double) / cast(rows_input as double) end as quarantined_share,
    attempts as attempt_count,
    reason,
    attempt,
    run_id,
    as_of,
    finished_at
from (
    select
        *,
        row_number() over (partition by promotion, batch order by finished_at desc) as newest,
        count(*) over (partition by promotion, batch) as attempts
    from batches
    where kind is null or kind = 'batch'
) numbered
where newest = 1;

create or replace view dqc_results as
select
    dataset,
    batch,
    promotion,
    cast(as_of as date) as day,
    rule,
    kind,
    verdict,
    action,
    evidence,
    checked as checked_rows,
    violations as violating_rows,
    unknown as unknown_rows,
    case when checked > 0 then cast(violations as double) / cast(checked as double) end as violating_share,
    value,
    limit_value,
    reason,
    file,
    line,
    attempt,
    run_id,
    as_of
from (
    select *, row_number() over (partition by promotion, batch, rule order by as_of desc, run_id desc) as newest
    from results
) numbered
where newest = 1;

create or replace view dqc_rules as
select
    dataset,
    rule,
    kind,
    cast(as_of as date) as day,
    count(*) as batch_count,
    sum(case when verdict = 'violated' then 1 else 0 end) as violated_batches,
    sum(case when verdict = 'not_evaluated' then 1 else 0 end) as unjudged_batches,
    sum(checked) as checked_rows,
    sum(violations) as violating_rows
from results
group by dataset, rule, kind, cast(as_of as date);

create or replace view dqc_sla as
select
    dataset,
    name,
    kind,
    period,
    cast(as_of as date) as day,
    status,
    severity,
    batch,
    due_at,
    event_at,
    arrived_at,
    published_at,
    remaining_seconds,
    missed as missed_count,
    allowed as allowed_count,
    deadlines as deadline_count,
    reason,
    as_of,
    judged_at
from (
    select *, row_number() over (partition by dataset, name, period order by judged_at desc) as newest
    from sla
) numbered
where newest = 1;

create or replace view dqc_runs as
select
    run_id,
    dqc as program_version,
    cast(as_of as date) as day,
    exit_code,
    published as published_batches,
    recovered as recovered_batches,
    blocked as blocked_batches,
    failed as failure_count,
    cast(unix_micros(finished_at) - unix_micros(started_at) as double) / cast(1000000 as double) as run_seconds,
    as_of,
    started_at,
    finished_at
from runs;
