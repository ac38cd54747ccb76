namespace CloudSync.LoadTest.Reports.Html;

/// <summary>The colour of a part or an endpoint: the same in all charts, and a class of the style sheet, which knows two shades of each.</summary>
internal static class Palette
{
    private const int Others = 4;

    // A cloud's consumer and its endpoint have one name, and one colour.
    private static readonly string[] Known = ["client", "api", "broker", "aws", "azure", "endpoint"];

    /// <param name="name">What is drawn; whatever it is called, no more than a class of ours comes of it.</param>
    /// <param name="index">Its place among its kind, for a name that is not known.</param>
    public static string Of(string name, int index) => Known.Contains(name) ? $"c-{name}" : $"c-other-{index % Others}";
}
