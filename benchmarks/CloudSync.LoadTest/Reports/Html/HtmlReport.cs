using CloudSync.LoadTest.Reports.Tables;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Html;

/// <summary>The page: one file that needs no other and no network. The verdict fills the first screen, the figures follow.</summary>
internal static class HtmlReport
{
    // It needs nothing from anywhere and runs no script: said to the browser too, should a piece of text ever get past the encoding.
    public static string Of(RunResult run) => Markup.Of(
        $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>Load test, {RunFacts.Started(run.Info)}</title>
        <style>
        {Markup.OfResource("styles.css")}
        </style>
        </head>
        <body>
        {First(run, Verdict.Of(run))}
        <main>
        {Charts(run)}
        {WhatToDo(run)}
        {Steps(run)}
        {Failures(run)}
        {Audit(run)}
        {HowItWasRun(run)}
        </main>
        </body>
        </html>

        """).ToString();

    private static Markup First(RunResult run, Verdict verdict) => Markup.Of(
        $"""
        <header class="card verdict {verdict.IsGreen switch { true => "green", false => "red", null => "plain" }}">
        <p class="kicker">Load test · {run.Info.Target} · {RunFacts.Started(run.Info)}</p>
        <h1><span class="sign" aria-hidden="true">{verdict.IsGreen switch { true => "✓", false => "✕", null => Figures.None }}</span> {verdict.Headline}</h1>
        <p class="sentence">{verdict.Sentence}</p>
        <dl class="tiles">
        {Tile("Highest rate held", run.Highest > 0 ? Figures.Rate(run.Highest) : "none", run.Highest > 0 ? "messages a second" : "")}
        {Tile("Mean latency at it", Figures.Milliseconds(run.HeldStep?.Latency.Of(latency => latency.Mean)), "ms")}
        {Tile("P99 latency at it", Figures.Milliseconds(run.HeldStep?.Latency.Of(latency => latency.P99)), "ms")}
        {Tile("Limited by", verdict.LimitedBy.Part, "")}
        </dl>
        {Ledger(run)}
        <dl class="reasons"><div><dt>What limited it</dt><dd>{verdict.LimitedBy.Evidence}</dd></div><div><dt>Why it ended</dt><dd>{verdict.Ended}</dd></div></dl>
        </header>
        """);

    private static Markup Tile(string name, string figure, string unit) =>
        Markup.Of($"<div><dt>{name}</dt><dd><b>{figure}</b> <small>{unit}</small></dd></div>");

    private static Markup Ledger(RunResult run) => run.Audit.Count == 0 ? Markup.Of($"<p class=\"ledger\">Audit: {WhyNot(run)}.</p>") : Markup.Of(
        $"""
        <ul class="ledger" aria-label="Audit">
        {run.Audit.Select(audit => Markup.Of($"<li class=\"{(audit.IsGreen ? "green" : "red")}\"><b>{audit.Endpoint}</b> {Count(audit.Lost, "lost")} {Count(audit.Duplicates, "duplicates")} {Count(audit.OutOfOrder, "out of order")} {Count(audit.Invented, "invented")}</li>\n"))}</ul>
        """);

    private static string WhyNot(RunResult run) => run.IsAudited ? Verdict.NoEndpoint : "a part of the path has ended, so nobody knows what has arrived";

    private static Markup Count(long count, string what) => Markup.Of($"<span class=\"{(count > 0 ? "fault" : "fine")}\"><b>{Figures.Count(count)}</b> {what}</span>");

    private static Markup Charts(RunResult run) => Section("Figures by rate", Markup.Of($"<div class=\"charts\">{RunCharts.Of(run).Select(ChartDrawing.Figure)}</div>"));

    private static Markup WhatToDo(RunResult run) => Recommendations.Of(run) is not { Count: > 0 } recommendations ? Markup.Empty : Section("What to do", Markup.Of(
        $"""
        <ul class="advice">{recommendations.Select(Advice)}</ul>
        {(Sizing.Of(run) is { Count: > 0 } sizing ? Markup.Of($"<p>{SizingTable.Introduction(run)}:</p>{HtmlTable.Of("Cores for other rates", SizingTable.Columns, sizing)}") : Markup.Empty)}
        """));

    private static Markup Advice(Recommendation recommendation) => Markup.Of(
        $"<li><b>{recommendation.Title}.</b> {recommendation.Pieces.Select(piece => piece.IsCode ? Markup.Of($"<code>{piece.Text}</code>") : Markup.Of($"{piece.Text}"))}</li>\n");

    private static Markup Steps(RunResult run) => Section("Steps", Markup.Of(
        $"""
        <p>Rates are messages a second, latencies milliseconds from the scheduled time to the acknowledgement; those of an endpoint are to the arrival. “Busy” counts processors, of {Figures.Count(run.Info.Processors)}.</p>
        {HtmlTable.Of("Steps", StepTable.Columns(run), run.Steps, step => ReferenceEquals(step, run.HeldStep))}
        """));

    private static Markup Failures(RunResult run) => Section("Errors by kind", FailureTable.Of(run) is { Count: > 0 } failures
        ? HtmlTable.Of("Errors by kind", FailureTable.Columns, failures)
        : Markup.Of($"<p>None.</p>"));

    private static Markup Audit(RunResult run) => Section("Audit", run.Audit.Count == 0
        ? Markup.Of($"<p>There is none: {WhyNot(run)}.</p>")
        : Markup.Of(
            $"""
            {HtmlTable.Of("Audit", AuditTable.Columns, run.Audit, audit => !audit.IsGreen)}
            <p>Lost: acknowledged, not arrived, and not kept as a dead letter. Unanswered: arrived without having been acknowledged, which is no fault.</p>
            """));

    private static Markup HowItWasRun(RunResult run) => Section("How it was run", Markup.Of(
        $"<dl class=\"facts\">{RunFacts.Of(run.Info).Select(fact => Markup.Of($"<dt>{fact.Name}</dt><dd class=\"{(fact.Name == RunFacts.Command ? "code" : "")}\">{fact.Text}</dd>"))}</dl>"));

    private static Markup Section(string title, Markup body) => Markup.Of(
        $"""
        <section>
        <h2>{title}</h2>
        {body}
        </section>

        """);
}
