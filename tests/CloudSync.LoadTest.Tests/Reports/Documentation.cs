using System.Text.RegularExpressions;

namespace CloudSync.LoadTest.Tests.Reports;

/// <summary>The documents of the repository that the tests were built from.</summary>
internal static partial class Documentation
{
    public static string Read(string name)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "CloudSync.Sdk.sln")))
                return File.ReadAllText(Path.Combine(directory.FullName, "docs", name));
        }

        throw new DirectoryNotFoundException("There is no CloudSync.Sdk.sln above the tests.");
    }

    /// <summary>What stands in the first cell of the rows of a table, in backticks.</summary>
    public static string[] FirstColumn(string document, string heading)
    {
        var section = Read(document).Split(heading + "\n")[1].Split("\n#")[0];
        return [.. Row().Matches(section).Select(row => row.Groups[1].Value)];
    }

    /// <summary>All that stands in backticks.</summary>
    public static string[] Code(string markdown) => [.. InBackticks().Matches(markdown).Select(code => code.Groups[1].Value)];

    [GeneratedRegex(@"^\| `([^`]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex InBackticks();
}
