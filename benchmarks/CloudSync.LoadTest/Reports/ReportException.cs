namespace CloudSync.LoadTest.Reports;

/// <summary>A report can't be written, or an earlier one can't be read. The message names the file and says what to do.</summary>
internal sealed class ReportException : Exception
{
    public ReportException(string message)
        : base(message)
    {
    }

    public ReportException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
