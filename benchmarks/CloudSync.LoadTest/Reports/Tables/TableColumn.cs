namespace CloudSync.LoadTest.Reports.Tables;

/// <summary>A column of a table that stands in the page and in the Markdown alike.</summary>
/// <param name="Name">What stands above it.</param>
/// <param name="Text">What stands in the row of such a thing; plain, and encoded by whoever writes it out.</param>
/// <param name="IsNumber">Whether it is set to the right.</param>
internal sealed record TableColumn<T>(string Name, Func<T, string> Text, bool IsNumber = true);
