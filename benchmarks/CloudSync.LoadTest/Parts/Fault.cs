namespace CloudSync.LoadTest.Parts;

/// <summary>What an endpoint does wrong with one message in <see cref="CloudEndpoint.FaultEvery"/>.</summary>
internal enum Fault
{
    None,
    Drop,
    Repeat,
    Reorder,
}
