namespace CloudSync.Sdk;

/// <summary>A token. No record: that would write its text wherever it is written itself.</summary>
internal sealed class EntraToken(string text)
{
    public string Text { get; } = text;
}
