namespace CloudSync.Sdk.Tests.Http;

/// <summary>A message from a record that <see cref="SyncMessage.Create"/> would not make: its key and its envelope may be any bytes.</summary>
internal sealed class RecordMessage(RawRecord record) : SyncMessage(new RecordSource("data-topic", record.Partition), record);
