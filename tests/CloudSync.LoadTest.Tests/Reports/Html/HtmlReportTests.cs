using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.Reports.Html;
using CloudSync.LoadTest.Results;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports.Html;

public sealed partial class HtmlReportTests
{
    private const string Hostile = "</title></style></svg><script>alert(1)</script><img src=x onerror=alert(1)> \" onmouseover=\"alert(1) ' &amp;";

    public static TheoryData<string> Runs => [.. Named.Keys];

    private static Dictionary<string, RunResult> Named { get; } = new()
    {
        ["green"] = SampleRuns.Green,
        ["red"] = SampleRuns.Red,
        ["one step"] = SampleRuns.OneStep,
        ["45 steps"] = SampleRuns.ManySteps,
        ["without endpoints"] = SampleRuns.WithoutEndpoints,
        ["nothing acknowledged"] = SampleRuns.NothingAcknowledged,
        ["no step at all"] = SampleRuns.Green with { Steps = [], Audit = [], Highest = 0 },
        ["a step without an answer among others"] = SampleRuns.Green with { Steps = [.. SampleRuns.Green.Steps.Take(5), SampleRuns.Green.Steps[5] with { Accepted = 0, Achieved = 0, Latency = Latency.None }, .. SampleRuns.Green.Steps.Skip(6)] },
        ["figures that are no numbers"] = SampleRuns.OneStep with { Steps = [SampleRuns.OneStep.Steps[0] with { Achieved = double.NaN, BusyProcessors = double.PositiveInfinity }] },
        ["hostile"] = OfHostileWords(),
    };

    [Theory, MemberData(nameof(Runs))]
    public void It_is_one_file_that_loads_and_runs_nothing(string run)
    {
        var page = HtmlReport.Of(Named[run]);

        Assert.DoesNotMatch(@"(?i)<(script|link|img|iframe|object|base)\b|@import|url\(|\shref=|<[^>]*\s(src|on[a-z]+)=", page);
        Assert.Contains("Content-Security-Policy", page, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Runs))]
    public void Its_tags_are_closed_and_its_drawings_are_whole(string run)
    {
        foreach (var drawing in Body(HtmlReport.Of(Named[run])).Descendants("svg"))
        {
            Assert.NotEqual("", drawing.Element("title")?.Value);
            Assert.NotEqual("", drawing.Element("desc")?.Value);
            var size = drawing.Attribute("viewBox")!.Value.Split(' ').Select(Number).ToArray();
            Assert.All(Places(drawing), place =>
            {
                Assert.InRange(place.X, 0, size[2]);
                Assert.InRange(place.Y, 0, size[3]);
            });
        }
    }

    [Theory, MemberData(nameof(Runs))]
    public void No_figure_is_nonsense(string run) => Assert.DoesNotMatch("NaN|Infinity|∞", HtmlReport.Of(Named[run]));

    [Theory, MemberData(nameof(Runs))]
    public void An_id_is_there_once_and_what_names_it_finds_it(string run)
    {
        var body = Body(HtmlReport.Of(Named[run]));
        var ids = body.Descendants().Attributes("id").Select(id => id.Value).ToArray();

        Assert.Equal(ids.Distinct(), ids);
        Assert.All(body.Descendants().Attributes("aria-labelledby").SelectMany(names => names.Value.Split(' ')), name => Assert.Contains(name, ids));
    }

    [Fact]
    public void Where_a_part_has_ended_the_page_does_not_say_that_no_endpoint_was_there()
    {
        var page = HtmlReport.Of(SampleRuns.OneStep with { Audit = [], IsAudited = false, Ended = "The process of endpoint has ended." });

        Assert.Contains("Audit: a part of the path has ended", page, StringComparison.Ordinal);
        Assert.DoesNotContain("no endpoint is part of the run", page, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Audit: no endpoint is part of the run", HtmlReport.Of(SampleRuns.WithoutEndpoints), StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_screen_has_the_verdict_rate_audit_latency_limit_and_end()
    {
        var first = Text(Body(HtmlReport.Of(SampleRuns.Green)).Element("header")!);

        Assert.Contains("✓ Green: 300,000 messages a second held", first, StringComparison.Ordinal);
        Assert.Contains("Highest rate held 300,000 messages a second", first, StringComparison.Ordinal);
        Assert.Contains("Mean latency at it 7.9 ms", first, StringComparison.Ordinal);
        Assert.Contains("P99 latency at it 73.0 ms", first, StringComparison.Ordinal);
        Assert.Contains("aws 0 lost 0 duplicates 0 out of order 0 invented", first, StringComparison.Ordinal);
        Assert.Contains("Limited by broker", first, StringComparison.Ordinal);
        Assert.Contains("Why it ended The broker took less than was asked for in two steps in a row.", first, StringComparison.Ordinal);
    }

    [Fact]
    public void A_red_run_is_red_in_words_and_its_fault_stands_out()
    {
        var header = Body(HtmlReport.Of(SampleRuns.Red)).Element("header")!;

        Assert.Contains("✕ Red: 1 lost at azure", Text(header), StringComparison.Ordinal);
        Assert.Contains("red", header.Attribute("class")!.Value, StringComparison.Ordinal);
        Assert.Equal("1 lost", Text(Assert.Single(header.Descendants("span"), span => span.Attribute("class")?.Value == "fault")));
    }

    [Fact]
    public void A_run_without_endpoints_has_no_charts_of_them_and_says_why_there_is_no_audit()
    {
        var body = Body(HtmlReport.Of(SampleRuns.WithoutEndpoints));

        Assert.Equal(["Throughput", "Latency to the acknowledgement", "Processors by part", "Memory by part"], body.Descendants("h3").Select(Text));
        Assert.Contains("Audit: no endpoint is part of the run.", Text(body.Element("header")!), StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_and_the_endpoint_of_its_cloud_have_one_colour_in_all_charts()
    {
        var legends = Body(HtmlReport.Of(SampleRuns.Green)).Descendants("li")
            .Where(item => item.Element("i") is not null)
            .Select(item => (Name: Text(item), Colour: item.Element("i")!.Attribute("class")!.Value.Split(' ')[1]))
            .ToArray();

        Assert.All(SampleRuns.Green.PartNames, part =>
        {
            var own = legends.Where(item => item.Name.Split(' ').Contains(part)).Select(item => item.Colour).ToArray();
            Assert.Equal([$"c-{part}"], own.Distinct());
            Assert.Equal(part is "aws" or "azure" ? 7 : 2, own.Length);
        });
    }

    [Fact]
    public void Pointing_at_a_step_shows_its_figures()
    {
        var throughput = Body(HtmlReport.Of(SampleRuns.Green)).Descendants("svg").First();

        Assert.Equal(
            "400,000 a second asked\nasked: 400,000\nacknowledged: 341,829\narrived at aws: 331,740\narrived at azure: 331,740",
            throughput.Elements("rect").ElementAt(18).Element("title")!.Value);
    }

    [Fact]
    public void A_step_without_an_answer_breaks_the_line_and_is_no_zero()
    {
        var latency = Body(HtmlReport.Of(Named["a step without an answer among others"])).Descendants("svg").ElementAt(2);

        var median = latency.Elements("g").First();
        Assert.Equal([5, 14], median.Elements("polyline").Select(line => Points(line).Count()));
        Assert.Equal(19, median.Elements("circle").Count());
    }

    [Fact]
    public void A_stack_reaches_as_high_as_the_parts_together()
    {
        var layers = Body(HtmlReport.Of(SampleRuns.OneStep)).Descendants("svg").Single(drawing => drawing.Attribute("class")!.Value == "wide" && drawing.Element("title")!.Value == "Processors by part").Elements("polygon").ToArray();
        var used = SampleRuns.OneStep.Steps[0].Parts.Sum(part => part.Processors);

        // The plot is 234 high, for 4 processors.
        var (top, bottom) = (Points(layers[^1]).Min(point => point.Y), Points(layers[0]).Max(point => point.Y));
        Assert.Equal(used / 4 * 234, bottom - top, 0.2);
    }

    [Fact]
    public void Tables_have_headings_for_columns_and_rows_and_scroll_in_a_box_of_their_own()
    {
        var tables = Body(HtmlReport.Of(SampleRuns.Green)).Descendants("table").ToArray();

        Assert.Equal(["Cores for other rates", "Steps", "Errors by kind", "Audit"], tables.Select(table => table.Parent!.Attribute("aria-label")!.Value));
        Assert.All(tables, table =>
        {
            Assert.Equal("scroll", table.Parent!.Attribute("class")!.Value);
            Assert.All(table.Element("thead")!.Descendants("th"), heading => Assert.Equal("col", heading.Attribute("scope")!.Value));
            Assert.All(table.Element("tbody")!.Elements("tr"), row => Assert.Equal("row", row.Elements().First().Attribute("scope")?.Value));
        });
    }

    [Fact]
    public void Words_of_others_are_shown_and_do_nothing()
    {
        var page = HtmlReport.Of(Named["hostile"]);

        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotMatch("<[^>]*\\sonmouseover=\"", page);
        Assert.Contains(Hostile, Body(page).Descendants("td").Concat(Body(page).Descendants("th")).Select(cell => cell.Value));
        Assert.Contains(Hostile, Body(page).Descendants("dd").Select(fact => fact.Value));
    }

    [Fact]
    public void What_to_do_stands_in_it_too_with_settings_as_code()
    {
        var advice = Body(HtmlReport.Of(SampleRuns.Green)).Descendants("ul").Single(list => list.Attribute("class")?.Value == "advice");

        Assert.Equal(Recommendations.Of(SampleRuns.Green).Count, advice.Elements("li").Count());
        Assert.Equal("Preset=HighThroughput", advice.Descendants("code").First().Value);
    }

    [Fact]
    public void It_knows_light_and_dark_and_phones()
    {
        var page = HtmlReport.Of(SampleRuns.Green);

        Assert.Contains("@media (prefers-color-scheme: dark)", page, StringComparison.Ordinal);
        Assert.Contains("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">", page, StringComparison.Ordinal);
    }

    // All words that are not ours: of a broker, a machine, a command line, an exception.
    private static RunResult OfHostileWords()
    {
        var step = SampleRuns.OneStep.Steps[0];
        return SampleRuns.OneStep with
        {
            Info = SampleRuns.OneStep.Info with { Target = Hostile, Description = Hostile, Command = Hostile, Machine = Hostile },
            Steps =
            [
                step with
                {
                    Errors = new Dictionary<string, long> { [Hostile] = 3 },
                    Endpoints = [step.Endpoints[0] with { Name = Hostile }],
                    Parts = [step.Parts[0] with { Name = Hostile }],
                    Limit = new Limit(Hostile, Hostile),
                    BrokenOff = Hostile,
                },
                step with { Asked = 20_000, Limit = new Limit(Hostile, Hostile) },
            ],
            Audit = [SampleRuns.Green.Audit[0] with { Endpoint = Hostile, Lost = 1, Examples = [Hostile] }],
            Ended = Hostile,
        };
    }

    // The body is written as XML would have it, so a tag that is not closed, or one that somebody smuggled in, is an error here.
    private static XElement Body(string page) => XDocument.Parse(page[page.IndexOf("<body>", StringComparison.Ordinal)..(page.IndexOf("</body>", StringComparison.Ordinal) + "</body>".Length)]).Root!;

    private static string Text(XElement element) => Blanks().Replace(string.Concat(element.DescendantNodes().OfType<XText>().Select(text => $"{text.Value} ")), " ").Trim();

    private static IEnumerable<(double X, double Y)> Places(XElement drawing)
    {
        foreach (var element in drawing.Descendants())
        {
            foreach (var (x, y) in new[] { ("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy") })
            {
                if (element.Attribute(x) is { } across && element.Attribute(y) is { } up)
                    yield return (Number(across.Value), Number(up.Value));
            }

            foreach (var point in Points(element))
                yield return point;
        }
    }

    private static IEnumerable<(double X, double Y)> Points(XElement element) =>
        (element.Attribute("points")?.Value ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(point => point.Split(',')).Select(point => (Number(point[0]), Number(point[1])));

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
