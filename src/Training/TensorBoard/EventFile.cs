using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Granary.Training.Files;

namespace Granary.Training.TensorBoard;

/// <summary>
/// A file of events as TensorBoard reads them: records of a length, its checksum, an event, its checksum. Events are kept in memory
/// until <see cref="Flush"/>; what the disk refuses is tried again, so that the file never has half a record in its middle.
/// </summary>
internal sealed class EventFile
{
    private const string Prefix = "events.out.tfevents.";
    private const int SessionStart = 1, ManyBytes = 1 << 20, MostBytes = 1 << 24;
    private static readonly TimeSpan FlushEvery = TimeSpan.FromSeconds(1);
    private readonly string folder, path;
    private readonly TimeProvider time;
    private readonly MemoryStream head = new(), pending = new();
    private long written, flushed;
    private bool refused;

    /// <param name="author">Tells files apart that begin in the same second.</param>
    /// <param name="from">Where the run goes on: what earlier files of the folder tell of later steps is of a course that is now repeated, and TensorBoard drops it.</param>
    /// <param name="first">What the file begins with.</param>
    public EventFile(string folder, string author, long from, Summary first, TimeProvider time)
    {
        (this.folder, this.time, flushed) = (folder, time, time.GetTimestamp());
        // TensorBoard reads the files in the order of their names, and drops by the last: whatever the clocks say, this one sorts behind those before it.
        path = Path.Combine(folder, $"{Prefix}{Math.Max(time.GetUtcNow().ToUnixTimeSeconds(), NewestIn(folder) + 1):D10}.{author}");
        Write(head, Event(0).Text(3, "brain.Event:2"));
        Write(head, Event(from + 1).Message(7, new ProtoMessage().Integer(1, SessionStart)));
        Write(head, Event(from).Message(5, first.Message));
    }

    /// <summary>Whether it is time to write what is pending: a second after the last time, sooner if it has become much.</summary>
    public bool IsDue => pending.Length > 0 && ((pending.Length >= ManyBytes && !refused) || time.GetElapsedTime(flushed) >= FlushEvery);

    /// <summary>While the disk refuses more than 16 MiB, further events are dropped.</summary>
    public void Add(long step, Summary summary)
    {
        if (!summary.IsEmpty && pending.Length < MostBytes)
        {
            Write(pending, Event(step).Message(5, summary.Message));
        }
    }

    /// <summary>Writes what is pending. The file comes to be with its first event.</summary>
    /// <exception cref="IOException"/>
    /// <exception cref="UnauthorizedAccessException"/>
    public void Flush()
    {
        if (pending.Length == 0)
        {
            return;
        }
        (flushed, refused) = (time.GetTimestamp(), true);
        Directory.CreateDirectory(folder);
        using (var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0))
        {
            // Somebody has deleted it, or a full disk has cut the last write off.
            written = file.Length < written ? 0 : written;
            file.SetLength(written);
            file.Position = written;
            if (written == 0)
            {
                file.Write(head.GetBuffer().AsSpan(0, (int)head.Length));
            }
            file.Write(pending.GetBuffer().AsSpan(0, (int)pending.Length));
            written = file.Position;
        }
        pending.SetLength(0);
        refused = false;
    }

    /// <summary>The second that the newest file is named by; 0: there is none.</summary>
    private static long NewestIn(string folder)
    {
        try
        {
            return Directory.EnumerateFiles(folder, Prefix + "*")
                .Select(file => long.TryParse(Path.GetFileName(file)[Prefix.Length..].Split('.')[0], CultureInfo.InvariantCulture, out var second) ? second : 0)
                .Append(0)
                .Max();
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            return 0;
        }
    }

    private ProtoMessage Event(long step) => new ProtoMessage().Double(1, time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0).Integer(2, step);

    private static void Write(MemoryStream records, ProtoMessage entry)
    {
        Span<byte> length = stackalloc byte[sizeof(long)], checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteInt64LittleEndian(length, entry.Written.Length);
        records.Write(length);
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedChecksum(length));
        records.Write(checksum);
        records.Write(entry.Written);
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedChecksum(entry.Written));
        records.Write(checksum);
    }

    /// <summary>CRC-32C, turned and shifted, so that the checksum of data that hold checksums is none of theirs.</summary>
    private static uint MaskedChecksum(ReadOnlySpan<byte> data) => BitOperations.RotateRight(Checksum(data), 15) + 0xA282EAD8;

    /// <summary>CRC-32C.</summary>
    internal static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        for (; data.Length >= sizeof(ulong); data = data[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
        }
        foreach (var value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }
        return ~crc;
    }
}
