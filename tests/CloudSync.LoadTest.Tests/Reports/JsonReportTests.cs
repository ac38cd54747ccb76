using CloudSync.LoadTest.Reports;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed class JsonReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("load-test-").FullName;

    [Fact]
    public void What_is_written_is_read_back_whole()
    {
        foreach (var run in new[] { SampleRuns.Green, SampleRuns.Red, SampleRuns.WithoutEndpoints, SampleRuns.NothingAcknowledged })
            Assert.Equivalent(run, JsonReport.Read(File(JsonReport.Of(run))), strict: true);
    }

    [Fact]
    public void It_is_indented_camel_case_with_a_schema_and_without_what_can_be_reckoned()
    {
        var json = JsonReport.Of(SampleRuns.Green);

        Assert.StartsWith("{\n  \"schema\": 1,\n  \"run\": {\n", json.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains("\"payloadBytes\": 256", json, StringComparison.Ordinal);
        Assert.DoesNotContain("isGreen", json, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_figure_that_is_no_number_does_not_cost_the_whole_result()
    {
        var run = SampleRuns.OneStep with { Steps = [SampleRuns.OneStep.Steps[0] with { Achieved = double.NaN }] };

        Assert.True(double.IsNaN(JsonReport.Read(File(JsonReport.Of(run))).Steps[0].Achieved));
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        var path = Path.Combine(_folder, "nowhere.json");

        Assert.Equal($"There is no file {path}; it should be a result of this load test (round_*.json).", Error(path));
    }

    [Fact]
    public void A_folder_is_no_file() => Assert.StartsWith($"{_folder} can't be read: ", Error(_folder), StringComparison.Ordinal);

    [Theory]
    [InlineData("asked,achieved")]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"name":"something else"}""")]
    [InlineData("""{"schema":"one"}""")]
    [InlineData("""{"schema":1}""")]
    [InlineData("""{"schema":1,"run":null}""")]
    [InlineData("""{"schema":1,"run":{"info":{}}}""")]
    public void What_is_no_result_is_named(string text)
    {
        var path = File(text);

        Assert.StartsWith($"{path} is not a result of this load test", Error(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"audit\"")]
    [InlineData("\"asked\"")]
    [InlineData("\"p999\"")]
    [InlineData("\"evidence\"")]
    public void A_member_that_is_missing_is_an_error_and_no_zero(string member)
    {
        var path = File(JsonReport.Of(SampleRuns.OneStep).Replace(member, "\"other\"", StringComparison.Ordinal));

        Assert.Contains(member.Trim('"'), Error(path), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Another_version_is_named_whatever_else_is_in_it()
    {
        var path = File("""{"schema":7,"what":"nobody knows"}""");

        Assert.Equal($"{path} has the schema 7, and this program reads 1: make it anew, or compare with the program that wrote it.", Error(path));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Error(string path) => Assert.Throws<ReportException>(() => JsonReport.Read(path)).Message;

    private string File(string text)
    {
        var path = Path.Combine(_folder, $"{Guid.NewGuid():N}.json");
        System.IO.File.WriteAllText(path, text);
        return path;
    }
}
