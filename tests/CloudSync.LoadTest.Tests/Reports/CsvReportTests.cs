using System.Globalization;
using System.Text;
using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.Results;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed class CsvReportTests
{
    [Fact]
    public void Each_step_is_a_row_under_the_header()
    {
        var rows = Parse(CsvReport.Of(SampleRuns.Green));

        Assert.Equal(CsvReport.Header(SampleRuns.Green), rows[0]);
        Assert.Equal(SampleRuns.Green.Steps.Select(step => step.Asked.ToString(CultureInfo.InvariantCulture)), rows.Skip(1).Select(row => row[0]));
        Assert.All(rows, row => Assert.Equal(rows[0].Count, row.Count));
    }

    [Fact]
    public void A_row_has_the_figures_of_its_step_under_their_names()
    {
        var step = SampleRuns.Green.Steps[^2];

        var row = Row(SampleRuns.Green, SampleRuns.Green.Steps.Count - 1);

        Assert.Equal(("400000", "348000", "1000", "time-out=1000", "broker"), (row["asked"], row["queue_full"], row["errors"], row["errors_by_kind"], row["limit"]));
        Assert.Equal(step.Latency.P99, Number(row["p99_ms"]), 3);
        Assert.Equal(step.Part("api")!.Processors, Number(row["api_processors"]), 3);
        Assert.Equal(step.Endpoint("azure")!.Latency.Max, Number(row["azure_max_ms"]), 3);
        Assert.Equal(("102600", "1.4"), (row["aws_lag_at_end"], row["aws_drain_seconds"]));
        Assert.Equal(step.Limit.Evidence, row["evidence"]);
    }

    [Fact]
    public void What_was_not_measured_is_empty_and_no_zero()
    {
        var row = Row(SampleRuns.NothingAcknowledged, 1);

        Assert.Equal(("", "", "", "", ""), (row["mean_ms"], row["max_ms"], row["busy_processors"], row["broker_gen0"], row["aws_p50_ms"]));
        Assert.Equal(("0", "connection=4368000"), (row["accepted"], row["errors_by_kind"]));
    }

    [Theory]
    [InlineData("a, b")]
    [InlineData("said \"no\"")]
    [InlineData("one line\r\nand another")]
    [InlineData("plain")]
    public void Any_text_comes_back_as_it_was(string text)
    {
        var run = SampleRuns.OneStep with { Steps = [SampleRuns.OneStep.Steps[0] with { Limit = new Limit(text, text), BrokenOff = text }] };

        var row = Row(run, 1);

        Assert.Equal((text, text, text), (row["limit"], row["evidence"], row["broken_off"]));
    }

    [Fact]
    public void Numbers_are_written_alike_in_each_culture()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = ",", NegativeSign = "~" } };

            Assert.Contains(",0.1,", CsvReport.Of(SampleRuns.OneStep), StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void The_documented_columns_are_those_of_the_header_in_their_order()
    {
        var documented = Documentation.FirstColumn("load-test.md", "### The columns of the CSV");

        Assert.Equal(CsvReport.Header(SampleRuns.Green), Expand(Expand(documented, "PART", SampleRuns.Green.PartNames), "ENDPOINT", SampleRuns.Green.EndpointNames));
    }

    [Fact]
    public void Each_limit_is_documented()
    {
        var row = Documentation.Read("load-test.md").Split('\n').Single(line => line.StartsWith("| `limit` |", StringComparison.Ordinal));

        Assert.All(typeof(Limit).GetFields().Where(field => field.IsLiteral), limit => Assert.Contains($"`{limit.GetRawConstantValue()}`", row, StringComparison.Ordinal));
    }

    private static string[] Expand(string[] columns, string placeholder, IReadOnlyList<string> names)
    {
        var pattern = columns.Where(column => column.StartsWith(placeholder + "_", StringComparison.Ordinal)).ToArray();
        var all = names.SelectMany(name => pattern.Select(column => column.Replace(placeholder, name, StringComparison.Ordinal)));
        var from = Array.IndexOf(columns, pattern[0]);
        return [.. columns[..from], .. all, .. columns[(from + pattern.Length)..]];
    }

    private static Dictionary<string, string> Row(RunResult run, int index)
    {
        var rows = Parse(CsvReport.Of(run));
        return rows[0].Zip(rows[index]).ToDictionary(field => field.First, field => field.Second);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    // RFC 4180, as a reader that is not ours would have it.
    private static List<List<string>> Parse(string csv)
    {
        var rows = new List<List<string>> { new() };
        var field = new StringBuilder();
        var isQuoted = false;
        for (var at = 0; at < csv.Length; at++)
        {
            var sign = csv[at];
            if (isQuoted && sign == '"' && at + 1 < csv.Length && csv[at + 1] == '"')
                field.Append(csv[++at]);
            else if (sign == '"')
                isQuoted = !isQuoted;
            else if (isQuoted || sign is not (',' or '\r' or '\n'))
                field.Append(sign);
            else if (sign == ',')
                EndField();
            else if (sign == '\r' && csv[at + 1] == '\n')
                EndRow(ref at);
            else
                Assert.Fail("A row ends with CR LF.");
        }

        rows.RemoveAt(rows.Count - 1);
        return rows;

        void EndField()
        {
            rows[^1].Add(field.ToString());
            field.Clear();
        }

        void EndRow(ref int at)
        {
            EndField();
            rows.Add([]);
            at++;
        }
    }
}
